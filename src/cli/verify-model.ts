import { AppError } from '../domain/errors.js'
import { percent } from '../domain/labels.js'
import { modelKey } from '../domain/model.js'
import { isFromHub, type ModelSpec } from '../models/registry.js'
import type { SelfTestStep } from '../models/self-test.js'
import type { Context } from './context.js'

/**
 * Computes the digest of every file of the model again and prints them.
 * @throws AppError MODEL_DIGEST_MISMATCH when one is missing or is not the one on record
 */
export async function verifyFiles({ app, out, signal }: Context): Promise<void> {
  const files = await app.verifyModel(signal)
  for (const { path, ok, expected, found } of files) {
    const text = ok
      ? `${expected ? 'ok   ' : 'here '}    ${path}  ${found}`
      : `WRONG    ${path}: expected ${expected ?? 'a file'}, found ${found}`
    out.result({ step: 'file', path, ok, expected, found }, text)
  }
  const wrong = files.filter(file => !file.ok)
  if (wrong.length > 0)
    throw new AppError(
      'MODEL_DIGEST_MISMATCH',
      `${wrong.length} of ${files.length} files are not what was expected. ${whereFilesComeFrom(app.modelSpec)}`,
    )
}

/**
 * Runs the towers on texts of which the vectors are published and on rendered pictures, and prints what they say.
 * @throws AppError MODEL_INVALID when they are not the model's
 */
export async function testTowers({ app, out, signal }: Context): Promise<void> {
  const key = modelKey(app.modelSpec)
  const failed: string[] = []
  for await (const step of app.selfTest(signal)) {
    out.result(step, [...details(step), `${mark(step.ok)}    ${step.sentence}`].join('\n'))
    if (step.ok === false) failed.push(step.sentence)
    signal.throwIfAborted()
  }
  if (failed.length > 0) throw new AppError('MODEL_INVALID', `${key}: ${failed.join('; ')}. ${whatToDo(app.modelSpec)}`)
  out.text(`${key} is verified.`)
}

function mark(ok: boolean | null): string {
  return ok === null ? 'note ' : ok ? 'ok   ' : 'WRONG'
}

/** What led to the finding, where that is not too long for people. */
function details(step: SelfTestStep): string[] {
  if (step.step === 'texts') return []
  return step.pictures.map(({ picture, label, score }) => `picture  ${picture}: ${label} ${percent(score)}`)
}

function whereFilesComeFrom(spec: ModelSpec): string {
  if (isFromHub(spec)) return `Fetch them again: unsplash-clip models pull ${modelKey(spec)}`
  return spec.origin.kind === 'bundled' ? 'Install the package again.' : 'MODEL_FOLDERS names the folder of its files.'
}

function whatToDo(spec: ModelSpec): string {
  if (spec.origin.kind === 'folder')
    return 'Look whether the files and the model.json of its folder are those of one model.'
  return 'Its files have the right digests: try EXECUTION_PROVIDER=cpu; if it stays, report it with this message.'
}
