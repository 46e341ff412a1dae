// Serves a folder of JPEGs from memory, as a separate process: http://127.0.0.1:PORT/NAME. Parameters: FOLDER and the
// latency of each answer in ms, as of a distant server. Its first line is the port.
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

const [folder, latencyMs = '0'] = process.argv.slice(2)
const files = readdirSync(folder).filter(file => /\.jpe?g$/i.test(file))
const photos = new Map(files.map(file => [`/${encodeURIComponent(file)}`, readFileSync(join(folder, file))]))
const answer = (request, response) => {
  const photo = photos.get(request.url.split('?')[0])
  if (photo === undefined) response.writeHead(404).end()
  else response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': photo.length }).end(photo)
}
const server = createServer((request, response) => {
  if (latencyMs === '0') answer(request, response)
  else setTimeout(answer, Number(latencyMs), request, response)
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.once('SIGTERM', () => process.exit())
