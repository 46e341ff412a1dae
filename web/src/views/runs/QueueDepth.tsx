import type { QueueCounts } from '../../api/runs.js'
import { count } from './run-texts.js'

/** How many batches the queue holds. */
export function QueueDepth({ queue }: { queue: QueueCounts | null }) {
  if (queue === null) return <p class="problem">The queue does not answer.</p>
  const { depth, waiting, delayed, active, failed } = queue
  const parts = [
    `${count(waiting)} ready`,
    `${count(delayed)} delayed`,
    `${count(active)} in work`,
    failed > 0 ? `${count(failed)} given up` : '',
  ]
  return (
    <p class="queue-depth">
      Queue: {depth === 1 ? '1 batch' : `${count(depth)} batches`}{' '}
      <span class="quiet">({parts.filter(text => text !== '').join(', ')})</span>
    </p>
  )
}
