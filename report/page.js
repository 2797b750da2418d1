"use strict";
(function () {
  const root = document.documentElement;
  const $ = (sel, from) => Array.from((from || document).querySelectorAll(sel));
  const make = (tag, attrs, ...children) => {
    const e = document.createElement(tag);
    for (const k in attrs) {
      if (k.startsWith("on")) e.addEventListener(k.slice(2), attrs[k]);
      else e.setAttribute(k, attrs[k]);
    }
    e.append(...children);
    return e;
  };
  root.classList.add("js");

  // Light and dark.
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
  const redraws = [];
  const redraw = () => redraws.forEach((f) => f());
  const themeButton = make("button", { type: "button", id: "theme", onclick: () => {
    root.dataset.theme = dark() ? "light" : "dark";
    themed();
  } });
  function themed() {
    themeButton.textContent = dark() ? "Light page" : "Dark page";
    redraw();
  }
  document.querySelector("header").prepend(themeButton);
  systemDark.addEventListener("change", themed);
  const color = (name) => getComputedStyle(root).getPropertyValue("--f-" + name).trim();

  // Tables that sort and filter.
  function sortable(table) {
    const body = table.tBodies[0], rows = Array.from(body.rows), heads = Array.from(table.tHead.rows[0].cells);
    if (rows.length < 2) return;
    const value = (row, i) => {
      const cell = row.cells[i], k = cell.getAttribute("data-k");
      if (k === null) return cell.textContent.trim();
      return k === "" ? null : Number(k);
    };
    heads.forEach((th, i) => {
      const button = make("button", { type: "button" });
      button.append(...th.childNodes);
      th.append(button);
      button.addEventListener("click", () => {
        const number = rows.some((r) => typeof value(r, i) === "number");
        const now = th.getAttribute("aria-sort");
        const down = now ? now === "ascending" : number; // numbers begin with the greatest
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        const sorted = rows.map((r, at) => [value(r, i), at, r]).sort((a, b) => {
          if ((a[0] === null) !== (b[0] === null)) return a[0] === null ? 1 : -1; // what is not known comes last
          const c = a[0] === null ? 0 : typeof a[0] === "number" && typeof b[0] === "number" ? a[0] - b[0] : String(a[0]).localeCompare(String(b[0]), "en", { numeric: true });
          return (down ? -c : c) || a[1] - b[1];
        });
        body.append(...sorted.map((s) => s[2]));
      });
    });
    if (rows.length < 6) return;
    const caption = table.caption ? table.caption.textContent : "table";
    const shown = make("span", { class: "shown", role: "status" });
    const input = make("input", { type: "search", "aria-label": "Filter: " + caption, placeholder: "part of a name, a CPU, a path …", oninput: () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let n = 0;
      for (const r of rows) {
        const text = Array.from(r.cells, (c) => c.textContent).join("  ").replace(/\u00a0/g, " ").toLowerCase();
        r.hidden = !words.every((w) => text.includes(w));
        if (!r.hidden) n++;
      }
      shown.textContent = words.length ? n + " of " + rows.length + " rows" : "";
    } });
    table.parentNode.before(make("p", { class: "filter" }, make("label", {}, "Filter ", input), " ", shown));
  }
  $("table[data-live]").forEach(sortable);

  // A bar of buttons that moves a view: its move(how) gets in, out, back, on or
  // all.
  const moves = [["in", "+", "zoom in"], ["out", "\u2212", "zoom out"], ["back", "\u2190", "move back"], ["on", "\u2192", "move on"], ["all", "all", "show all"]];
  const keys = { "+": "in", "=": "in", "-": "out", ArrowLeft: "back", ArrowRight: "on", 0: "all", Home: "all" };
  function tools(figure, area, name, move) {
    const bar = make("div", { class: "tools", role: "group", "aria-label": "View of: " + name });
    for (const [how, sign, label] of moves) {
      bar.append(make("button", { type: "button", "data-move": how, "aria-label": label, title: label, onclick: () => move(how) }, sign));
    }
    const status = make("span", { class: "view", role: "status" });
    bar.append(status);
    figure.prepend(make("div", { class: "bar" }, make("p", { class: "charttitle", "aria-hidden": "true" }, name), bar));
    area.tabIndex = 0;
    area.setAttribute("role", "group");
    area.addEventListener("keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || !keys[e.key] || e.target !== area) return;
      e.preventDefault();
      move(keys[e.key]);
    });
    return status;
  }

  // Pictures: the view box is what moves.
  function picture(figure) {
    const svgs = $("svg", figure);
    if (!svgs.length) return;
    const full = svgs.map((s) => s.getAttribute("viewBox").split(" ").map(Number));
    let zoom = 1, cx = 0.5, cy = 0.5;
    const apply = () => {
      zoom = Math.max(1, Math.min(40, zoom));
      const half = 0.5 / zoom;
      cx = Math.max(half, Math.min(1 - half, cx));
      cy = Math.max(half, Math.min(1 - half, cy));
      svgs.forEach((s, i) => {
        const [x, y, w, h] = full[i];
        s.setAttribute("viewBox", [x + (cx - half) * w, y + (cy - half) * h, w / zoom, h / zoom].join(" "));
      });
      status.textContent = zoom === 1 ? "" : Math.round(zoom * 100) + " %";
      area.classList.toggle("zoomed", zoom > 1);
    };
    const move = (how) => {
      if (how === "in") zoom *= 1.5;
      if (how === "out") zoom /= 1.5;
      if (how === "back") cx -= 0.25 / zoom;
      if (how === "on") cx += 0.25 / zoom;
      if (how === "all") zoom = 1;
      apply();
    };
    const area = figure.querySelector(".picture");
    const name = figure.querySelector("svg title").textContent;
    area.setAttribute("aria-label", name + " (+ and \u2212 zoom, arrows move, 0 shows all)");
    const status = tools(figure, area, name, move);
    area.addEventListener("wheel", (e) => {
      if (!e.ctrlKey) return;
      e.preventDefault();
      const r = area.getBoundingClientRect(), old = zoom;
      zoom = Math.max(1, Math.min(40, zoom * Math.exp(-e.deltaY / 300)));
      cx += ((e.clientX - r.left) / r.width - 0.5) * (1 / old - 1 / zoom);
      cy += ((e.clientY - r.top) / r.height - 0.5) * (1 / old - 1 / zoom);
      apply();
    }, { passive: false });
    area.addEventListener("pointerdown", (e) => {
      if (zoom === 1 || e.button) return;
      area.setPointerCapture(e.pointerId);
      let x = e.clientX, y = e.clientY;
      const r = area.getBoundingClientRect();
      const drag = (m) => {
        cx -= (m.clientX - x) / r.width / zoom;
        cy -= (m.clientY - y) / r.height / zoom;
        x = m.clientX;
        y = m.clientY;
        apply();
      };
      area.addEventListener("pointermove", drag);
      area.addEventListener("pointerup", () => area.removeEventListener("pointermove", drag), { once: true });
    });
    area.addEventListener("dblclick", () => move("all"));
  }

  // Charts. Times are ns after a whole second of the capture's clock.
  const data = JSON.parse(document.getElementById("data").textContent);
  const units = [[1e9, "s"], [1e6, "ms"], [1e3, "\u00b5s"], [1, "ns"]];
  function duration(ns) {
    for (const [n, name] of units) if (ns >= n || n === 1) return Number((ns / n).toPrecision(3)) + "\u00a0" + name;
  }
  function clock(origin, ns, digits) {
    const s = Math.floor(ns / 1e9), rest = String(Math.floor(ns - s * 1e9)).padStart(9, "0");
    return origin + s + (digits > 0 ? "." + rest.slice(0, digits) : "");
  }
  const digitsOf = (step) => Math.max(0, Math.min(9, 9 - Math.floor(Math.log10(step) + 1e-9)));
  const font = (px, bold) => (bold ? "600 " : "") + px * devicePixelRatio + 'px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif';

  // spread turns [gap, length, gap, length …] into starts and ends.
  function spread(list) {
    const out = new Float64Array(list.length);
    let t = 0;
    for (let i = 0; i < list.length; i++) out[i] = t += list[i];
    return out;
  }
  // shares is the part of each of n columns of [from, to] that a lane covers.
  function shares(lane, from, to, n) {
    const out = new Float64Array(n), w = (to - from) / n;
    const cover = (a, b, part) => {
      a = Math.max(a, from);
      b = Math.min(b, to);
      for (let i = Math.floor((a - from) / w); i < n && a < b; i++) {
        const end = Math.min(b, from + (i + 1) * w);
        if (end > a) out[i] += (part * (end - a)) / w;
        a = Math.max(a, end);
      }
    };
    if (lane.e) {
      let lo = 0, hi = lane.e.length / 2;
      while (lo < hi) {
        const mid = (lo + hi) >> 1;
        if (lane.e[2 * mid + 1] <= from) lo = mid + 1;
        else hi = mid;
      }
      for (let i = lo; 2 * i < lane.e.length && lane.e[2 * i] < to; i++) cover(lane.e[2 * i], lane.e[2 * i + 1], 1);
    } else if (lane.v) {
      lane.v.forEach((v, i) => v && cover(lane.t + i * lane.w, lane.t + (i + 1) * lane.w, v / 100));
    }
    return out;
  }

  const draws = {
    // Lanes over time, before and after.
    strip(d) {
      const title = 27, row = (l) => (l.k === 5 ? 16 : 26);
      let height = 0;
      d.panels.forEach((p) => {
        p.top = height += title;
        p.lanes.forEach((l) => {
          if (l.s) l.e = spread(l.s);
          if (l.ps) l.pe = spread(l.ps);
        });
        p.body = p.lanes.reduce((h, l) => h + row(l), 0);
        height += p.body + 6;
      });
      const colors = ["owner", "intruder", "other", "idle", "muted", "ink"];
      return {
        height: height + 52, time: true, gutter: (w) => Math.min(170, w * 0.28), yTicks: false,
        describe: (x) => {
          const on = d.panels[0].lanes.filter((l) => shares(l, x, x + 1, 1)[0] > 0.5).map((l) => l.n);
          return on.length ? on.join(", ") : "";
        },
        draw(u, ctx, r) {
          const box = u.bbox, min = u.scales.x.min, max = u.scales.x.max, n = Math.max(1, Math.floor(box.width / r));
          const px = box.width / n;
          const profile = (lane, base, full, how, least = 0.15) => {
            const sh = shares(lane, min, max, n);
            let any = false;
            ctx.beginPath();
            for (let i = 0; i < n; i++) {
              if (sh[i] <= 0) continue;
              any = true;
              const h = full * Math.max(least, Math.min(1, sh[i]));
              ctx.rect(box.left + i * px, base - h, px + 0.3, h);
            }
            how();
            return any;
          };
          for (const p of d.panels) {
            ctx.textAlign = "left";
            ctx.textBaseline = "alphabetic";
            ctx.fillStyle = color("ink");
            ctx.font = font(13, true);
            ctx.fillText(p.n, 0, box.top + (p.top - 11) * r);
            let below = p.top;
            p.lanes.forEach((l) => {
              below += row(l);
              const base = box.top + (below - 2) * r, full = (row(l) - 6) * r, c = color(colors[l.k]);
              ctx.fillStyle = color("ink");
              ctx.font = font(12);
              ctx.textAlign = "right";
              ctx.textBaseline = "middle";
              let name = l.n;
              const room = box.left - 8 * r;
              if (ctx.measureText(name).width > room && l.h) name = l.h;
              while (name.length > 2 && ctx.measureText(name).width > room) name = name.slice(0, -2) + "\u2026";
              ctx.fillText(name, box.left - 6 * r, base - full / 2);
              ctx.fillStyle = color("grid");
              ctx.fillRect(box.left, base, box.width, r);
              let any = profile(l, base, full, () => {
                ctx.fillStyle = c;
                if (l.k === 4) ctx.globalAlpha = 0.35;
                ctx.fill();
                ctx.globalAlpha = 1;
              }, l.k === 5 ? 0.5 : 0.15);
              if (l.pe || l.pv) {
                any = profile({ e: l.pe, v: l.pv, t: l.t, w: l.w }, base, full, () => {
                  ctx.save();
                  ctx.clip();
                  ctx.globalAlpha = 0.25;
                  ctx.fillStyle = c;
                  ctx.fillRect(box.left, base - full, box.width, full);
                  ctx.globalAlpha = 1;
                  ctx.strokeStyle = c;
                  ctx.lineWidth = r;
                  ctx.beginPath();
                  for (let x = box.left - full; x < box.left + box.width; x += 6 * r) {
                    ctx.moveTo(x, base);
                    ctx.lineTo(x + full, base - full);
                  }
                  ctx.stroke();
                  ctx.restore();
                }) || any;
              }
              if (!any && l.note && min <= d.min && max >= d.max) {
                ctx.fillStyle = color("muted");
                ctx.textAlign = "left";
                const after = d.marks.length ? u.valToPos(d.marks[d.marks.length - 1].t, "x", true) : box.left;
                const w = ctx.measureText(l.note).width;
                const at = d.marks.length && u.valToPos(d.marks[0].t, "x", true) - box.left < w + 10 * r && after + w + 10 * r < box.left + box.width ? after : box.left;
                ctx.fillText(l.note, at + 5 * r, base - full / 2);
              }
            });
            let free = -1;
            for (const m of d.marks) {
              if (m.t < min || m.t > max) continue;
              const x = u.valToPos(m.t, "x", true), top = box.top + p.top * r;
              ctx.strokeStyle = ctx.fillStyle = color("ink");
              ctx.lineWidth = 1.2 * r;
              ctx.setLineDash([5 * r, 3 * r]);
              ctx.beginPath();
              ctx.moveTo(x, top - 2 * r);
              ctx.lineTo(x, top + p.body * r);
              ctx.stroke();
              ctx.setLineDash([]);
              ctx.beginPath();
              ctx.moveTo(x, top);
              ctx.lineTo(x - 4 * r, top - 7 * r);
              ctx.lineTo(x + 4 * r, top - 7 * r);
              ctx.fill();
              if (m.n && p === d.panels[0]) {
                ctx.font = font(13, true);
                const titled = ctx.measureText(p.n).width + 24 * r;
                ctx.font = font(12, true);
                ctx.textBaseline = "alphabetic";
                const w = ctx.measureText(m.n).width, left = x + 8 * r + w > box.left + box.width;
                const at = Math.max(left ? x - 8 * r - w : x + 8 * r, titled);
                if (at > free && at + w <= box.left + box.width) {
                  ctx.textAlign = "left";
                  ctx.fillText(m.n, at, top - 11 * r);
                  free = at + w;
                }
              }
            }
          }
        },
      };
    },

    // The owner's delays, one by one or the longest of each column.
    delay(d) {
      for (const k of d.kinds) {
        const p = (k.e = []);
        let t = 0;
        for (let i = 0; i < k.p.length; i += 2) p.push([(t += k.p[i]), Math.max(1, k.p[i + 1])]);
      }
      return {
        height: 330, time: true, gutter: () => 64, key: d.kinds, log: true, yTicks: true,
        describe: (x, u) => {
          let best = null, near = 12;
          for (const k of d.kinds) for (const [t, v] of k.e) {
            const away = Math.abs(u.valToPos(t, "x") - u.cursor.left);
            if (away < near) {
              const dy = Math.abs(u.valToPos(v, "y") - u.cursor.top);
              if (away + dy < near * 2 && (!best || away + dy < best[0])) best = [away + dy, k.n + ": " + duration(v)];
            }
          }
          return best ? best[1] : "";
        },
        draw(u, ctx, r) {
          for (const k of d.kinds) {
            ctx.fillStyle = color(k.c);
            ctx.beginPath();
            for (const [t, v] of k.e) {
              if (t < u.scales.x.min || t > u.scales.x.max) continue;
              const x = u.valToPos(t, "x", true), y = u.valToPos(v, "y", true);
              if (k.m === "triangle") {
                ctx.moveTo(x, y - 4 * r);
                ctx.lineTo(x + 3.5 * r, y + 3 * r);
                ctx.lineTo(x - 3.5 * r, y + 3 * r);
              } else {
                ctx.moveTo(x + 2 * r, y);
                ctx.arc(x, y, 2 * r, 0, 7);
              }
            }
            ctx.fill();
          }
        },
      };
    },

    // Distributions of delays on a scale of nines.
    cdf(d) {
      for (const k of d.kinds) {
        k.e = [];
        const top = Math.max(0.3, Math.log10(k.total));
        for (let i = 0; i < k.p.length; i += 2) {
          const left = 1 - k.p[i + 1] / k.total;
          k.e.push([Math.max(1, k.p[i]), left > 0 ? Math.min(top, -Math.log10(left)) : top]);
        }
      }
      const share = (v) => {
        if (v < 1e-9) return "0 %";
        const p = 100 - 100 * Math.pow(10, -v);
        return "p" + Number(p.toFixed(Math.max(0, Math.ceil(v) - 2)));
      };
      return {
        height: 360, time: false, gutter: () => 64, key: d.kinds, logX: true, yTicks: true, lines: true,
        splits: () => [0, Math.log10(2), 1, 2, 3, 4, 5, 6, 7, 8].filter((v) => v <= d.ymax), share,
        describe: (x) => d.kinds.map((k) => {
          let n = 0;
          for (const e of k.e) if (e[0] <= x) n = e[1];
          return k.n + ": " + (100 - 100 * Math.pow(10, -n)).toFixed(n > 2 ? 2 : 1) + " %";
        }).join("; "),
        draw(u, ctx, r) {
          d.kinds.forEach((k) => {
            ctx.strokeStyle = color(k.c);
            ctx.lineWidth = 2 * r;
            ctx.setLineDash({ triangle: [7 * r, 4 * r], square: [12 * r, 3 * r] }[k.m] || []);
            ctx.beginPath();
            let y = u.valToPos(0, "y", true);
            k.e.forEach(([v, at], i) => {
              const x = u.valToPos(v, "x", true);
              if (i) ctx.lineTo(x, y);
              else ctx.moveTo(x, y);
              ctx.lineTo(x, (y = u.valToPos(at, "y", true)));
            });
            ctx.stroke();
            ctx.setLineDash([]);
          });
        },
      };
    },
  };

  function chart(figure, d) {
    const o = draws[d.kind](d);
    const name = figure.querySelector("svg title").textContent, desc = figure.querySelector("svg desc").textContent;
    const area = make("div", { class: "chart", "aria-label": name + ". " + desc + " (+ and \u2212 zoom, arrows move, 0 shows all; drag to zoom, with shift to move)" });
    const readout = make("p", { class: "readout", "aria-hidden": "true" });
    figure.querySelector(".picture").after(area, readout);
    figure.classList.add("charted");
    const log = Math.log, limit = d.max - d.min;
    const to = (v) => (o.logX ? log(v) : v), from = (v) => (o.logX ? Math.exp(v) : v);
    let width = Math.max(260, area.clientWidth), u;
    const axis = () => ({ stroke: color("ink"), grid: { stroke: color("grid"), width: 1 }, ticks: { stroke: color("grid"), width: 1 }, font: '12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif' });
    const logSplits = (_, i, min, max) => {
      const out = [];
      const few = Math.log10(max / min) < 2.5;
      for (let e = Math.floor(Math.log10(min)); e <= Math.log10(max) + 1e-9; e++) for (const k of few ? [1, 2, 5] : [1]) {
        const v = k * Math.pow(10, e);
        if (v >= min * 0.999 && v <= max * 1.001) out.push(v);
      }
      return out.length > 1 ? out : [min, max];
    };
    const build = () => {
      if (u) u.destroy();
      const x = Object.assign(axis(), {
        space: o.time ? Math.max(70, (clock(d.o, 0, 0).length + 5) * 9) : 60, size: 30, label: d.xlabel, labelSize: 20, labelFont: "12px system-ui,sans-serif",
        values: (_, list, i, space, step) => list.map((v) => (o.time ? clock(d.o, v, digitsOf(step)) : duration(v))),
      });
      const y = Object.assign(axis(), { show: true, size: o.gutter(width) });
      if (o.logX) x.splits = logSplits;
      if (o.log) y.splits = logSplits;
      if (o.splits) y.splits = o.splits;
      y.values = (_, list) => list.map((v) => (!o.yTicks ? "" : o.share ? o.share(v) : duration(v)));
      if (!o.yTicks) {
        y.grid = { show: false };
        y.ticks = { show: false };
        x.grid = { show: false };
      }
      u = new uPlot({
        width, height: o.height, legend: { show: false }, padding: [4, 12, 0, 0],
        cursor: { y: o.yTicks, drag: { x: true, y: false, dist: 6, setScale: false }, points: { show: false } },
        scales: {
          x: { time: false, distr: o.logX ? 3 : 1, range: (_, min, max) => [min === null ? d.min : min, max === null ? d.max : max] },
          y: { distr: o.log ? 3 : 1, range: () => [d.ymin, d.ymax] },
        },
        axes: [x, y],
        series: [{}, { paths: () => null, points: { show: false } }],
        hooks: {
          draw: [(c) => {
            const r = devicePixelRatio, ctx = c.ctx;
            ctx.save();
            if (o.yTicks) {
              ctx.beginPath();
              ctx.rect(c.bbox.left, c.bbox.top - 6 * r, c.bbox.width, c.bbox.height + 12 * r);
              ctx.clip();
            }
            o.draw(c, ctx, r);
            ctx.restore();
          }],
          setCursor: [(c) => {
            if (c.cursor.left < 0) return (readout.textContent = "\u00a0");
            const at = c.posToVal(c.cursor.left, "x"), what = o.describe(at, c);
            readout.textContent = (o.time ? clock(d.o, at, 6) + " s" : duration(at)) + (what ? ": " + what : "");
          }],
          setSelect: [(c) => {
            if (c.select.width > 6) view(c.posToVal(c.select.left, "x"), c.posToVal(c.select.left + c.select.width, "x"));
            c.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          }],
        },
      }, [[d.min, d.max], [d.ymin, d.ymax]], area);
      u.over.addEventListener("dblclick", () => view(d.min, d.max));
      u.over.addEventListener("mousedown", (e) => {
        if (!e.shiftKey || e.button) return;
        e.stopImmediatePropagation();
        let last = e.clientX;
        const drag = (m) => {
          const w = u.over.clientWidth, a = to(now[0]), b = to(now[1]), by = ((last - m.clientX) / w) * (b - a);
          last = m.clientX;
          shift(by);
        };
        addEventListener("mousemove", drag);
        addEventListener("mouseup", () => removeEventListener("mousemove", drag), { once: true });
      }, true);
      u.over.addEventListener("wheel", (e) => {
        const a = to(now[0]), b = to(now[1]);
        if (e.ctrlKey) {
          e.preventDefault();
          const r = u.over.getBoundingClientRect(), at = a + ((e.clientX - r.left) / r.width) * (b - a), f = Math.exp(e.deltaY / 300);
          view(from(at - (at - a) * f), from(at + (b - at) * f));
        } else if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
          e.preventDefault();
          shift(((b - a) * e.deltaX) / 800);
        }
      }, { passive: false });
      view(now[0], now[1]);
    };
    let now = [d.min, d.max];
    function shift(by) {
      const a = to(now[0]), b = to(now[1]);
      by = Math.max(to(d.min) - a, Math.min(to(d.max) - b, by));
      view(from(a + by), from(b + by));
    }
    const status = tools(figure, area, name, (how) => {
      const a = to(now[0]), b = to(now[1]), mid = (a + b) / 2, half = (b - a) / 2;
      if (how === "in") view(from(mid - half / 2), from(mid + half / 2));
      if (how === "out") view(from(mid - half * 2), from(mid + half * 2));
      if (how === "back") shift(-half / 2);
      if (how === "on") shift(half / 2);
      if (how === "all") view(d.min, d.max);
    });
    function view(min, max) {
      min = Math.max(d.min, min);
      max = Math.min(d.max, max);
      if (max - min < (o.time ? 100 : limit * 1e-6)) return; // ns
      now = [min, max];
      u.setScale("x", { min, max });
      const all = min <= d.min && max >= d.max;
      status.textContent = all ? "" : o.time
        ? clock(d.o, min, digitsOf((max - min) / 100)) + " to " + clock(d.o, max, digitsOf((max - min) / 100)) + " s"
        : duration(min) + " to " + duration(max);
    }
    if (o.key) {
      const key = make("p", { class: "key2" });
      for (const k of o.key) {
        key.append(make("span", { class: "mark " + k.m + (o.lines ? " line" : ""), "aria-hidden": "true" }), k.n + "  ");
      }
      area.before(key);
    }
    readout.textContent = "\u00a0";
    build();
    redraws.push(build);
    new ResizeObserver(() => {
      const w = Math.max(260, area.clientWidth);
      if (w === width) return;
      width = w;
      build();
    }).observe(area);
  }

  for (const figure of $("figure")) {
    const d = data[figure.getAttribute("data-chart")];
    if (d) chart(figure, d);
    else picture(figure);
  }
  themed();
})();
