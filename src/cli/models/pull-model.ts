import { modelKey } from '../../domain/model.js'
import { isMade } from '../../models/catalog/registry.js'
import { readMadeRecord } from '../../models/files/made-record.js'
import type { Context } from '../context.js'
import { fetchModel } from './model-files.js'
import { testTowers } from './verify-model.js'

/** The `models pull` command: fetches or makes the files of the model in the settings. */
export async function pullModel(context: Context, andTest: boolean): Promise<number> {
  const { app, out } = context
  const spec = app.models.spec
  const folder = await fetchModel(context)
  const key = modelKey(spec)
  const made = isMade(spec) ? await readMadeRecord(folder) : undefined
  const { pictures, texts } = made?.cosine ?? {}
  out.result(
    { model: key, folder, ...(made ? { revision: made.revision, cosine: made.cosine } : {}) },
    `${key} is here: ${folder}`,
  )
  if (pictures && texts && isMade(spec))
    out.text(
      `It was made of ${modelKey(spec.origin.from)}. Cosine of both, on pictures and texts that come with this program: ` +
        `pictures ${pictures.median.toFixed(4)} (least ${pictures.least.toFixed(4)}), ` +
        `texts ${texts.median.toFixed(4)} (least ${texts.least.toFixed(4)}).`,
    )
  if (andTest) await testTowers(context)
  return 0
}
