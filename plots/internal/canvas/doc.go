// Package canvas draws what gonum/plot draws as SVG that a page can restyle, and makes its
// bitmaps small.
package canvas
