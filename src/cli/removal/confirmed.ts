import { AppError } from '../../domain/errors.js'
import type { Context } from '../context.js'
import { confirm } from '../print/confirm.js'

/**
 * Asks on a terminal whether to remove something, unless the user is sure.
 * @param command for the message where nobody can be asked
 * @throws AppError USAGE where there is no terminal
 */
export async function confirmed(
  { out, signal }: Pick<Context, 'out' | 'signal'>,
  isSure: boolean,
  command: string,
  question: string,
): Promise<boolean> {
  if (isSure) return true
  if (!process.stdin.isTTY)
    throw new AppError('USAGE', `${command} cannot be undone: it asks on a terminal, and expects --yes elsewhere.`)
  if (await confirm(question, signal)) return true
  out.note('Nothing changed.')
  return false
}
