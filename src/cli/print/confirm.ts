import { createInterface } from 'node:readline/promises'

/**
 * Asks a yes-or-no question on the terminal. The default is no.
 * @returns whether the answer is y or yes
 * @throws the reason of the signal when it aborts
 */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  // In raw mode, Ctrl-C would be a character instead of a signal.
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false })
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal })
    return /^y(es)?$/i.test(answer.trim())
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    terminal.close()
  }
}
