// npm run build
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'

try {
  build(fileURLToPath(new URL('../..', import.meta.url)))
} catch {
  console.error('The build failed; its messages are above. dist/ is as before.')
  process.exitCode = 1
}
