// A process that answers a line on its stdin with a line of JSON on its stdout, as encoder-process.mjs does.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/**
 * Starts a script of this folder; it ends with this process.
 * @param title for messages
 * @returns `ready`: its first line; `ask(value)`: writes JSON, returns the answer; `close`
 */
export function openLineProcess(script, parameters, { env = {}, title }) {
  const child = spawn(process.execPath, [script, ...parameters].map(String), {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = once(child, 'exit').then(() => process.off('exit', kill))
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`the process ended: ${title}`)
    return value
  }
  const ask = async value => {
    child.stdin.write(`${JSON.stringify(value)}\n`)
    return JSON.parse(await next())
  }
  const close = async () => {
    child.stdin.end()
    await ended
  }
  return { ready: next(), ask, close }
}
