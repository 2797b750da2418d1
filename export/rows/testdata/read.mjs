// Prints a Parquet file as JSON lines, columns in their order.
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'

const file = await asyncBufferFromFile(process.argv[2])
const metadata = await parquetMetadataAsync(file)
const rows = await parquetReadObjects({ file, metadata })
// JSON has no sign for a BigInt: mark them, then take the marks off.
const write = (_, v) => typeof v === 'bigint' ? '\0' + v : v === undefined ? null : v
const line = r => JSON.stringify(r, write).replace(/"\\u0000(-?\d+)"/g, '$1') + '\n'
process.stdout.write(rows.map(line).join(''))
