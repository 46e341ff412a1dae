import type { Batch } from '../domain/ports/queue.js'
import type { Embedded, Failure, IngestRepository, ModelId } from '../domain/ports/repository.js'

/**
 * Stage write: all that became of a batch, in one transaction. Photos that are tried again are in neither list, so that
 * the batch they came from stays unsettled until they are. Also called with nothing to write: the batch may be settled by
 * what others have written meanwhile. Only what is embedded is labelled, so only then the prompts have to be stored.
 */
export async function writeOutcome(
  repository: Pick<IngestRepository, 'recordOutcome'>,
  batch: Batch,
  modelId: ModelId,
  outcome: { embedded: Embedded[]; failures: Failure[] },
): Promise<void> {
  const labelSets = outcome.embedded.length > 0 ? batch.labelSets : []
  await repository.recordOutcome({ parentId: batch.parentId, modelId, ...outcome, labelSets })
}
