import type { Batch } from '../../domain/ports/queue.js'
import type { BatchOutcome, IngestRepository, ModelId } from '../../domain/ports/repository.js'

/**
 * Stage write: writes the whole outcome of a batch in one transaction. Photos to be retried are in neither list, so
 * their batch stays unsettled. Also called with nothing to write, since other batches may have settled this one. Only
 * embedded photos are labelled, so only they need stored prompts.
 */
export async function writeOutcome(
  repository: Pick<IngestRepository, 'recordOutcome'>,
  batch: Batch,
  modelId: ModelId,
  outcome: Pick<BatchOutcome, 'embedded' | 'failures' | 'unchanged' | 'possibleCopies'>,
): Promise<void> {
  const labelSets = outcome.embedded.length > 0 ? batch.labelSets : []
  await repository.recordOutcome({ parentId: batch.parentId, modelId, ...outcome, labelSets })
}
