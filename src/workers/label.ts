import { AppError } from '../domain/errors.js'
import { type LabelSet, promptsOf } from '../domain/labels.js'
import type { Encoder } from '../domain/ports/encoder.js'
import type { LabelRepository, ModelId } from '../domain/ports/repository.js'

/** Stores the embeddings of a label set's prompts, unless those of exactly this definition are stored. */
export async function ensurePrompts(
  labels: Pick<LabelRepository, 'hasPrompts' | 'savePrompts'>,
  encoder: Pick<Encoder, 'encodeTexts'>,
  modelId: ModelId,
  set: LabelSet,
): Promise<void> {
  if (await labels.hasPrompts(modelId, set)) return
  await labels.savePrompts(modelId, set, await encoder.encodeTexts(promptsOf(set)))
}

/**
 * Stage label, the worker's half of it: sees to it that the embeddings of a set's prompts are stored. The labels
 * themselves are predicted in SQL, in the transaction that writes the batch. Looks up each set once a process.
 */
export class Prompts {
  readonly #ready = new Map<string, Promise<void>>()

  constructor(
    private readonly deps: {
      labels: Pick<LabelRepository, 'hasPrompts' | 'savePrompts'>
      encoder: Pick<Encoder, 'encodeTexts'>
      modelId: ModelId
      labelSets: ReadonlyMap<string, LabelSet>
    },
  ) {}

  /** @throws AppError LABEL_SET_INVALID for a set that this worker does not have */
  async ensure(names: readonly string[]): Promise<void> {
    for (const name of names) this.#definition(name)
    for (const name of names) await this.#ensureOne(name)
  }

  #ensureOne(name: string): Promise<void> {
    const known = this.#ready.get(name)
    if (known) return known
    const { labels, encoder, modelId } = this.deps
    const ready = ensurePrompts(labels, encoder, modelId, this.#definition(name))
    this.#ready.set(name, ready)
    // What failed once, for instance because the database was away, is tried again for the next batch.
    ready.catch(() => this.#ready.delete(name))
    return ready
  }

  #definition(name: string): LabelSet {
    const set = this.deps.labelSets.get(name)
    if (set) return set
    const known = [...this.deps.labelSets.keys()].join(', ') || 'none'
    throw new AppError(
      'LABEL_SET_INVALID',
      `The batch wants the label set ${name}, which this worker does not have (it has: ${known}). ` +
        `Put ${name}.json into the worker's LABELS_DIR and start it again.`,
    )
  }
}
