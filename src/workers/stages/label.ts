import { AppError } from '../../domain/errors.js'
import { type LabelSet, promptsOf } from '../../domain/labels.js'
import type { ModelIdentity } from '../../domain/model.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import { type Batch, UnrecoverableBatchError } from '../../domain/ports/queue.js'
import type { LabelRepository, ModelId } from '../../domain/ports/repository.js'
import type { RunRepository } from '../../domain/ports/run-repository.js'
import { knowsNoWords } from '../../domain/text-tower.js'

/** How long a newer run's definition of the same name may go unnoticed. */
const DEFINITIONS_MS = 30_000
const MAX_RUNS = 1000

/** The part of the label repository that a worker uses. */
export type WorkerLabels = Pick<LabelRepository, 'hasPrompts' | 'savePrompts' | 'labelPhotos'>

/**
 * Makes a definition the current one: stores the embeddings of its prompts where they are missing. If it replaces
 * another definition, all photos are labelled again, which takes seconds per million and is shared by all workers.
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

/**
 * Stores a definition with the embeddings of its prompts. @returns whether it is current, see
 * LabelRepository.savePrompts
 */
export async function storePrompts(
  labels: Pick<LabelRepository, 'savePrompts'>,
  encoder: Pick<Encoder, 'encodeTexts'>,
  modelId: ModelId,
  set: LabelSet,
): Promise<boolean> {
  return labels.savePrompts(modelId, set, await encoder.encodeTexts(promptsOf(set)))
}

/**
 * Stage label, the worker's half: ensures that the prompt embeddings of each label set are stored, checking each set
 * once per process, and again when it turns out to be removed. SQL predicts the labels in the transaction that writes the batch.
 */
export class LabelPromptCache {
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
   * @throws AppError LABEL_SET_INVALID for a set that neither the run nor this worker has; UnrecoverableBatchError
   * with MODEL_WITHOUT_TEXT for a model without a text tower, which fails on every worker
   */
  async ensure(batch: Pick<Batch, 'runId' | 'labelSets'>, encoder: Encoder, modelId: ModelId): Promise<void> {
    if (batch.labelSets.length === 0) return
    if (!encoder.hasTexts) throw new UnrecoverableBatchError(withoutText(batch, encoder.model))
    const pinned = await this.#ofRun(batch.runId)
    const sets = batch.labelSets.map(name => this.#definition(name, batch.runId, pinned))
    for (const set of sets) await this.#ensureOne(set, encoder, modelId)
  }

  /** As `ensure`, of sets that were removed since: stores them again. */
  async ensureAgain(batch: Pick<Batch, 'runId' | 'labelSets'>, encoder: Encoder, modelId: ModelId): Promise<void> {
    this.#ready.clear()
    await this.ensure(batch, encoder, modelId)
  }

  #ensureOne(set: LabelSet, encoder: Encoder, modelId: ModelId): Promise<void> {
    const key = JSON.stringify([modelId, set.name, set.template, set.labels])
    const known = this.#ready.get(key)
    if (known) return known
    const ready = ensurePrompts(this.deps.labels, encoder, modelId, set)
    this.#ready.set(key, ready)
    // A failure, for instance an outage of the database, is retried with the next batch.
    ready.catch(() => {
      if (this.#ready.get(key) === ready) this.#ready.delete(key)
    })
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

  /** The definition that the run pinned; the files of this worker count only where it pinned none. */
  #definition(name: string, runId: string, pinned: readonly LabelSet[]): LabelSet {
    const set = pinned.length > 0 ? pinned.find(set => set.name === name) : this.deps.labelSets.get(name)
    if (set) return set
    if (pinned.length > 0)
      throw new UnrecoverableBatchError(
        new AppError(
          'LABEL_SET_INVALID',
          `The batch wants the label set ${name}; run ${runId} was started with ${pinned.map(set => set.name).join(', ')}. ` +
            `Ingest again with ${name} among LABEL_SETS, or label what is embedded: unsplash-clip labels predict ${name}`,
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

/** Earlier versions accepted such a run. */
function withoutText({ runId, labelSets }: Pick<Batch, 'runId' | 'labelSets'>, model: ModelIdentity): AppError {
  return knowsNoWords(
    model,
    `predict the labels ${labelSets.join(', ')} that the batch wants`,
    `Cancel run ${runId} and ingest again without labels: --label-set none`,
  )
}
