import { createInterface } from 'node:readline'
import { AppError } from '../../domain/errors.js'
import { type Context, report } from '../context.js'

/**
 * Answers lines of stdin one after another until stdin ends or Ctrl-C is pressed. A line that fails prints its error,
 * and the next one follows.
 * @returns the exit code of the last failed line, else 0
 */
export async function answerLines(context: Context, answer: (line: string) => Promise<void>): Promise<number> {
  const { signal, out } = context
  const lines = createInterface({ input: process.stdin, signal })
  let code = 0
  invite()
  for await (const line of lines) {
    try {
      if (line.trim() !== '') await answer(line.trim())
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      code = report(error, out)
    }
    if (signal.aborted) break
    invite()
  }
  return code
}

/** Shows a prompt on terminals only. */
function invite(): void {
  if (process.stdin.isTTY) process.stderr.write('search> ')
}
