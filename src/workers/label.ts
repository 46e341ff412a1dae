import { AppError } from '../domain/errors.js'
import { type LabelSet, promptsOf } from '../domain/labels.js'
import { type ModelIdentity, modelKey } from '../domain/model.js'
import type { Encoder } from '../domain/ports/encoder.js'
import { type Batch, Hopeless } from '../domain/ports/queue.js'
import type { LabelRepository, ModelId } from '../domain/ports/repository.js'
import type { RunRepository } from '../domain/ports/run-repository.js'

/** For so long a newer run's definition of the same name may go unnoticed. */
const DEFINITIONS_MS = 30_000
const MAX_RUNS = 1000

/** What a worker needs of the labels. */
export type WorkerLabels = Pick<LabelRepository, 'hasPrompts' | 'savePrompts' | 'labelPhotos'>

/**
 * Makes a definition the current one: stores the embeddings of its prompts, unless they are. Where it takes the place of
 * another, all photos are labelled anew: seconds a million, which all workers that want it share.
 */
export async function ensurePrompts(
  labels: WorkerLabels,
  encoder: Pick<Encoder, 'encodeTexts'>,
  modelId: ModelId,
  set: LabelSet,
): Promise<void> {
  if (await labels.hasPrompts(modelId, set)) return
  if (!(await storePrompts(labels, encoder, modelId, set))) await labels.labelPhotos(modelId, set.name)
}

/** Stores a definition with the embeddings of its prompts. @returns whether it is current, see LabelRepository.savePrompts */
export async function storePrompts(
  labels: Pick<LabelRepository, 'savePrompts'>,
  encoder: Pick<Encoder, 'encodeTexts'>,
  modelId: ModelId,
  set: LabelSet,
): Promise<boolean> {
  return labels.savePrompts(modelId, set, await encoder.encodeTexts(promptsOf(set)))
}

/**
 * Stage label, the worker's half of it: sees to it that the embeddings of a set's prompts are stored. The labels
 * themselves are predicted in SQL, in the transaction that writes the batch. Looks up each set once a process.
 */
export class Prompts {
  readonly #ready = new Map<string, Promise<void>>()
  readonly #ofRuns = new Map<string, { sets: Promise<LabelSet[]>; until: number }>()

  constructor(
    private readonly deps: {
      labels: WorkerLabels
      runs: Pick<RunRepository, 'labelSets'>
      /** By name; for runs that pinned no definitions. */
      labelSets: ReadonlyMap<string, LabelSet>
    },
  ) {}

  /**
   * @throws AppError LABEL_SET_INVALID for a set that neither the run nor this worker has; Hopeless with MODEL_WITHOUT_TEXT
   * for a model that embeds images alone: no worker could do it
   */
  async ensure(batch: Pick<Batch, 'runId' | 'labelSets'>, encoder: Encoder, modelId: ModelId): Promise<void> {
    if (batch.labelSets.length === 0) return
    if (!encoder.hasTexts) throw new Hopeless(withoutText(batch, encoder.model))
    const pinned = await this.#ofRun(batch.runId)
    const sets = batch.labelSets.map(name => this.#definition(name, batch.runId, pinned))
    for (const set of sets) await this.#ensureOne(set, encoder, modelId)
  }

  #ensureOne(set: LabelSet, encoder: Encoder, modelId: ModelId): Promise<void> {
    const key = JSON.stringify([modelId, set.name, set.template, set.labels])
    const known = this.#ready.get(key)
    if (known) return known
    const ready = ensurePrompts(this.deps.labels, encoder, modelId, set)
    this.#ready.set(key, ready)
    // What failed once, for instance because the database was away, is tried again for the next batch.
    ready.catch(() => this.#ready.delete(key))
    return ready
  }

  #ofRun(runId: string): Promise<LabelSet[]> {
    const known = this.#ofRuns.get(runId)
    if (known && known.until > Date.now()) return known.sets
    if (this.#ofRuns.size >= MAX_RUNS) this.#ofRuns.clear()
    const sets = this.deps.runs.labelSets(runId)
    this.#ofRuns.set(runId, { sets, until: Date.now() + DEFINITIONS_MS })
    sets.catch(() => this.#ofRuns.delete(runId))
    return sets
  }

  /** As the run pinned it, whatever files this worker has; they count where a run pinned none. */
  #definition(name: string, runId: string, pinned: readonly LabelSet[]): LabelSet {
    const set = pinned.length > 0 ? pinned.find(set => set.name === name) : this.deps.labelSets.get(name)
    if (set) return set
    if (pinned.length > 0)
      throw new Hopeless(
        new AppError(
          'LABEL_SET_INVALID',
          `The batch wants the label set ${name}; run ${runId} was started with ${pinned.map(set => set.name).join(', ')}. ` +
            `Ingest again with ${name} among LABEL_SETS, or label what is embedded: unsplash-clip label ${name}`,
        ),
      )
    const known = [...this.deps.labelSets.keys()].join(', ') || 'none'
    throw new AppError(
      'LABEL_SET_INVALID',
      `The batch wants the label set ${name}, of which its run has no definition and this worker no file (it has: ${known}). ` +
        `Put ${name}.json into the worker's LABELS_DIR and start it again.`,
    )
  }
}

/** Older versions let such a run begin. */
function withoutText({ runId, labelSets }: Pick<Batch, 'runId' | 'labelSets'>, model: ModelIdentity): AppError {
  return new AppError(
    'MODEL_WITHOUT_TEXT',
    `The batch wants the labels ${labelSets.join(', ')}, and ${modelKey(model)} embeds images alone. ` +
      `Cancel run ${runId} and ingest again without labels: --label-set none`,
  )
}
