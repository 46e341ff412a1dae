import { readFile } from 'node:fs/promises'
import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { formatBytes, formatQuantity } from '../../domain/text/format.js'
import type { AddedModel } from '../../models/adding/options.js'
import type { Context } from '../context.js'
import { Progress } from '../print/progress.js'
import { showSelfTest } from './verify-model.js'

export interface AddModelOptions {
  name?: string
  precision?: string
  vision?: string
  text?: string
  imagesOnly?: boolean
  /** File with fields of model.json. */
  fields?: string
  /** Bytes. */
  maxSize?: number
  update?: boolean
  verify: boolean
}

const DEFAULT_MAX_BYTES = 10e9

/** The `models add` command. @returns exit code */
export async function addModel(context: Context, source: string, options: AddModelOptions): Promise<number> {
  const { app, out, signal } = context
  const { fields, maxSize: maxBytes = DEFAULT_MAX_BYTES, verify, ...wanted } = options
  const progress = new Progress(source)
  const added = await app.models
    .add(source, { ...pick(wanted), fields: await readFields(fields), maxBytes }, signal, (path, done, total) =>
      progress.write(`${source}: ${path}, ${formatBytes(done)} of ${formatBytes(total)}`),
    )
    .finally(() => progress.end())
  const key = modelKey(added)
  out.text(summary(added))
  app.models.prefer(key)
  const meaning = verify ? await testMeaning(context, added) : { confirmed: [], doubts: [NOT_TESTED] }
  const confirmed = [...added.confirmed, ...meaning.confirmed]
  const notConfirmed = [...meaning.doubts, ...added.doubts]
  const { name, precision, source: from, revision = null, folder, entry, files, findings } = added
  out.result(
    {
      model: key,
      name,
      precision,
      source: from,
      revision,
      folder,
      entry,
      files,
      derived: findings,
      confirmed,
      notConfirmed,
    },
    [
      ...confirmed.map(sentence => `confirmed      ${sentence}`),
      ...notConfirmed.map(sentence => `not confirmed  ${sentence}`),
      `${key} is added. Use it: unsplash-clip ingest PHOTOS --model ${key}, or the setting MODEL=${key}. Share ${app.models.lock} with the machines of your workers.`,
    ].join('\n'),
  )
  return 0
}

const NOT_TESTED = 'what it understands: --no-verify left the test out'

/** Only options of `addModel`. */
function pick({ name, precision, vision, text, imagesOnly, update }: Omit<AddModelOptions, 'verify'>) {
  return { name, precision, vision, text, imagesOnly, update }
}

async function readFields(file: string | undefined): Promise<Readonly<Record<string, unknown>>> {
  if (file === undefined) return {}
  const expected = `--fields expects a JSON object with fields of model.json in ${file}`
  let json: unknown
  try {
    json = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new AppError('INPUT_INVALID', `${expected}, found ${errorMessage(cause)}.`, { cause })
  }
  const derived = ['name', 'precisions', 'defaultPrecision']
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new AppError('INPUT_INVALID', `${expected}, found something else.`)
  const wrong = Object.keys(json).find(field => derived.includes(field))
  if (wrong !== undefined)
    throw new AppError(
      'INPUT_INVALID',
      `${expected}, without ${derived.join(', ')}, which follow from the files, found ${wrong}.`,
    )
  return json as Readonly<Record<string, unknown>>
}

function summary({ source, revision, folder, findings, files }: AddedModel): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const width = Math.max(...findings.map(({ field }) => field.length))
  return [
    `${source}${revision ? ` at ${revision}` : ''}: ${formatQuantity(files.length, 'file')}, ${formatBytes(bytes, 1)}, in ${folder}`,
    ...findings.map(({ field, value, from }) => `derived  ${field.padEnd(width)}  ${value}  (${from})`),
    ...files.map(({ path, sha256 }) => `pinned   ${sha256}  ${path}`),
  ].join('\n')
}

/**
 * Asks the model for the colours of rendered pictures. Weights that understand nothing are no error: they may be meant.
 */
async function testMeaning(
  context: Context,
  { entry }: AddedModel,
): Promise<{ confirmed: string[]; doubts: string[] }> {
  const confirmed: string[] = []
  const doubts: string[] = []
  for await (const step of context.app.models.selfTest(context.signal)) {
    showSelfTest(context, step)
    if (step.step === 'pictures' && !entry.text)
      doubts.push(`what it understands: a model without texts cannot be asked; ${step.sentence}`)
    else if (step.step === 'pictures' && step.ok) confirmed.push(`it understands plain colours: ${step.sentence}`)
    else if (step.step === 'pictures')
      doubts.push(
        `that it understands anything: ${step.sentence}. Random weights give such figures too. Do not search with it before you know why`,
      )
    else if (step.step === 'texts' && step.ok) confirmed.push(step.sentence)
    context.signal.throwIfAborted()
  }
  return {
    confirmed,
    doubts: [
      ...doubts,
      'that embeddings are those of its authors: they publish none to compare with; `models compare` does with vectors of your own',
    ],
  }
}
