import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { builtFile } from '../../../src/package-root.js'
import { Sandbox } from '../../support/cli.js'
import { until } from '../../support/until.js'

/** Starts a worker as the supervisor does, and says its process id. */
const SUPERVISOR = `
  const worker = require('node:child_process').fork(process.argv[1], ['worker'], {
    env: { ...process.env, UNSPLASH_CLIP_SUPERVISOR: String(process.pid) }, stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  console.log(worker.pid)
  setInterval(() => {}, 1000)
`

test('a worker ends whose supervisor is killed while it starts', async () => {
  const sandbox = await Sandbox.create({ LABEL_SETS: 'none' })
  const supervisor = spawn(process.execPath, ['-e', SUPERVISOR, builtFile('cli/main.js')], {
    cwd: sandbox.home,
    env: { PATH: process.env.PATH, HOME: sandbox.home, UNSPLASH_CLIP_HOME: sandbox.home, ...sandbox.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(supervisor.stdout, 'data')
  const worker = Number(line)
  try {
    supervisor.kill('SIGKILL')
    await until('the end of the worker', () => !isRunning(worker), 60_000)
  } finally {
    if (isRunning(worker)) process.kill(worker, 'SIGKILL')
    await sandbox.close()
  }
  expect(isRunning(worker)).toBe(false)
}, 120_000)

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
