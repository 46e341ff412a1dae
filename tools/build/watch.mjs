// npm run dev [-- TESTS…]: builds on each change of the sources, then runs the named test files or folders.
import { spawnSync } from 'node:child_process'
import { watch } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'

/** An editor saves a file in several steps, and a switch of branches many files. */
const SETTLE_MS = 100

const root = fileURLToPath(new URL('../..', import.meta.url))
const tests = process.argv.slice(2)
const folders = ['src', 'assembly', 'web', ...(tests.length > 0 ? ['test'] : [])]

let changed = () => {}
let changes = 0
for (const folder of folders)
  watch(join(root, folder), { recursive: true }, () => {
    changes++
    changed()
  })

for (;;) {
  const seen = changes
  runOnce()
  console.log(`Watching ${folders.join(', ')}. Ctrl-C ends this.`)
  while (changes === seen)
    await new Promise(resolve => {
      changed = () => resolve(undefined)
    })
  await pause(SETTLE_MS)
}

function runOnce() {
  const startedAt = performance.now()
  try {
    const built = build(root)
    if (built) console.log(`Built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`)
  } catch {
    console.error('The build failed; its messages are above.')
    return
  }
  if (tests.length > 0) {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
    spawnSync(process.execPath, [vitest, 'run', ...tests], { cwd: root, stdio: 'inherit' })
  }
}
