import type { Repositories } from '../../compose/open-repositories.js'
import { AppError } from '../../domain/errors.js'
import { PHOTO_COLUMNS, type PhotoColumn } from '../../domain/photo.js'
import type { DrawOptions } from '../../domain/ports/analysis/evaluations.js'
import type { ModelId } from '../../domain/ports/repository.js'
import { formatQuantity } from '../../domain/text/format.js'
import { readJudgedFile } from '../../evaluation/judged-file.js'
import { fromConversions, fromFile, fromTexts, fromWords, type JudgedQueries } from '../../evaluation/judged-queries.js'
import type { SearchModel } from '../../search/search-model.js'
import { readLineFile } from '../options/line-file.js'

/** Where queries come from. `words`: a file of queries, or the stored prompts; undefined: the words of the columns. */
export type Source = { name: string } & (
  | { kind: 'conversions' }
  | { kind: 'file' }
  | { kind: 'column'; columns: PhotoColumn[]; words?: string }
)

/** Stands for the stored prompts, in place of a file of texts. */
export const PROMPTS = 'prompts'
const PAGE_SIZE = 1000
const COLUMN = 'column:'

/**
 * Reads the argument of `eval`: `conversions`, `column:NAME[,NAME]`, else a file.
 * @throws AppError USAGE
 */
export function parseSource(name: string, words: string | undefined): Source {
  const isColumn = name.startsWith(COLUMN)
  if (words !== undefined && !isColumn)
    throw new AppError('USAGE', `--words expects the queries column:NAME, found ${name}`)
  if (name === 'conversions') return { name, kind: 'conversions' }
  if (!isColumn) return { name, kind: 'file' }
  const columns = name.slice(COLUMN.length).split(',') as PhotoColumn[]
  const wrong = columns.find(column => !isText(column))
  if (wrong !== undefined)
    throw new AppError(
      'USAGE',
      `${COLUMN} expects text columns of photos, such as ai_description, found ${JSON.stringify(wrong)}`,
    )
  return { name, kind: 'column', columns, words }
}

function isText(column: string): boolean {
  return (
    Object.hasOwn(PHOTO_COLUMNS, column) && PHOTO_COLUMNS[column as PhotoColumn] === 'text' && column !== 'photo_id'
  )
}

export interface OpenedSource {
  judged: JudgedQueries
  /** Sentences for reports. */
  remarks: string[]
  badRows: number
}

/**
 * Draws the queries of a source.
 * @param model whose stored prompts become queries
 * @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, INPUT_COLUMNS_MISSING
 */
export async function openJudged(
  source: Source,
  { evaluations, prompts }: Pick<Repositories, 'evaluations' | 'prompts'>,
  model: SearchModel,
  draw: DrawOptions,
  signal: AbortSignal,
): Promise<OpenedSource> {
  const plain = (judged: JudgedQueries): OpenedSource => ({ judged, remarks: [], badRows: 0 })
  if (source.kind === 'conversions') return plain(await fromConversions(evaluations, draw))
  if (source.kind === 'column') {
    const { columns, words } = source
    if (words === undefined) return plain(await fromWords(evaluations, columns, draw))
    const texts = words === PROMPTS ? await storedPrompts(prompts, model.id) : await textLines(words, '--words')
    return plain(await fromTexts(evaluations, columns, texts, draw, signal))
  }
  const file = await readJudgedFile(source.name, signal)
  const { badRows, firstBad } = file
  const remarks =
    badRows > 0 ? [`${formatQuantity(badRows, 'bad row')} of ${source.name} left out; the first: ${firstBad}.`] : []
  return { judged: await fromFile(evaluations, file, draw, signal), remarks, badRows }
}

export async function storedPrompts(prompts: Repositories['prompts'], modelId: ModelId): Promise<string[]> {
  const texts: string[] = []
  for await (const page of prompts.list(modelId, PAGE_SIZE)) texts.push(...page.map(({ prompt }) => prompt))
  return texts
}

/** Lines of a file of texts, without blank ones. @param option that names it @throws AppError INPUT_NOT_FOUND */
export async function textLines(file: string, option: string): Promise<string[]> {
  const lines = await readLineFile(file, `${option} expects a file with one text per line, or ${PROMPTS}`)
  return lines.filter(line => line.trim() !== '')
}
