// Loaded into the processes that tests start: their embedded servers run WebAssembly as V8's baseline compiler makes it. A
// server that a test uses for seconds spends more time on optimising its hot functions than on all statements of the test.
import { setFlagsFromString } from 'node:v8'

const SERVERS = ['server-main.js', 'embedded-server.ts']

if (process.argv.some(argument => SERVERS.some(server => argument.endsWith(`/${server}`))))
  setFlagsFromString('--liftoff-only')
