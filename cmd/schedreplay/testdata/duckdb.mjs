// Runs the SQL of a page of the documentation in DuckDB, and prints for each query
// its rows as one line of JSON.
import fs from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'

const db = await (await DuckDBInstance.create(':memory:')).connect()
for (const [, sql] of fs.readFileSync(process.argv[2], 'utf8').matchAll(/^```sql\n([\s\S]*?)^```/gm)) {
  const rows = (await db.runAndReadAll(sql)).getRowObjectsJson()
  process.stdout.write(JSON.stringify(rows) + '\n')
}
