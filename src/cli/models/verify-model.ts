import { AppError } from '../../domain/errors.js'
import { percent } from '../../domain/labels.js'
import { modelKey } from '../../domain/model.js'
import { rewriteWarnings } from '../../domain/rewrite.js'
import { isAdded, isFromHub, isMade, type ModelSpec } from '../../models/catalog/registry.js'
import type { SelfTestStep } from '../../models/check/self-test.js'
import type { Context } from '../context.js'

/**
 * Computes and prints the digest of every file of the model.
 * @throws AppError MODEL_DIGEST_MISMATCH when a file is missing or differs from its pinned digest
 */
export async function verifyFiles({ app, out, signal }: Context): Promise<void> {
  const files = await app.models.verify(signal)
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
      `${wrong.length} of ${files.length} files differ from their pinned digests. ${whereFilesComeFrom(app.models.spec)}`,
    )
}

/**
 * Runs the towers on texts with published vectors and on rendered pictures, and prints the results.
 * @throws AppError MODEL_INVALID when the results are not the model's
 */
export async function testTowers(context: Context): Promise<void> {
  const { app, out, signal } = context
  const key = modelKey(app.models.spec)
  const failed: string[] = []
  for await (const step of app.models.selfTest(signal)) {
    showSelfTest(context, step)
    if (step.ok === false) failed.push(step.sentence)
    signal.throwIfAborted()
  }
  if (failed.length > 0)
    throw new AppError('MODEL_INVALID', `${key}: ${failed.join('; ')}. ${whatToDo(app.models.spec)}`)
  out.text(`${key} is verified.`)
}

/** Prints a step of the test. */
export function showSelfTest({ out }: Pick<Context, 'out'>, step: SelfTestStep): void {
  out.result(step, [...details(step), `${mark(step.ok)}    ${step.sentence}`].join('\n'))
}

function mark(ok: boolean | null): string {
  return ok === null ? 'note ' : ok ? 'ok   ' : 'WRONG'
}

/** The evidence of a step, if short enough for people. */
function details(step: SelfTestStep): string[] {
  if (step.step === 'texts') return []
  if (step.step === 'rewrites')
    return [
      ...step.files.flatMap(({ file, rewrites }) =>
        rewrites.map(({ name, outcome, detail }) => `rewrite  ${file}: ${name} ${outcome}: ${detail}`),
      ),
      ...rewriteWarnings(step.files).map(warning => `warning  ${warning}`),
    ]
  return step.pictures.map(({ picture, label, score }) => `picture  ${picture}: ${label} ${percent(score)}`)
}

function whereFilesComeFrom(spec: ModelSpec): string {
  if (isFromHub(spec)) return `Fetch them again: unsplash-clip models pull ${modelKey(spec)}`
  if (isMade(spec)) return `Make them again: unsplash-clip models pull ${modelKey(spec)}`
  return spec.origin.kind === 'bundled' ? 'Install the package again.' : 'MODEL_FOLDERS names the folder of its files.'
}

function whatToDo(spec: ModelSpec): string {
  if (isAdded(spec))
    return `It was added from ${spec.origin.added.source}, with the digests of then: its weights, or the model.json that was derived, are wrong.`
  if (spec.origin.kind === 'folder')
    return 'Check whether the files and the model.json in its folder belong to the same model.'
  return 'Its files have the right digests: try EXECUTION_PROVIDER=cpu; if the error remains, report it with this message.'
}
