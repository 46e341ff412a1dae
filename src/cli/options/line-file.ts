import { readFile } from 'node:fs/promises'
import { AppError } from '../../domain/errors.js'
import { LINE_BREAK } from '../../producers/input/line-splitter.js'

/**
 * The lines of a text file, without a byte order mark. They may end as on Unix, Windows or classic Mac OS.
 * @param file `-`: the standard input
 * @param expected what the file should be, for messages: `--photos expects a file with one photo id per line`
 * @throws AppError INPUT_NOT_FOUND
 */
export async function readLineFile(file: string, expected: string): Promise<string[]> {
  const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new AppError('INPUT_NOT_FOUND', `${expected}, found ${JSON.stringify(file)}: ${error.code}`, { cause: error })
  })
  return text.replace(/^\uFEFF/, '').split(LINE_BREAK)
}
