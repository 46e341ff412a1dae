import type { Order } from '../../api/label-order.js'
import { samplesPath } from './label-texts.js'

const ORDERS: readonly { order: Order; title: string }[] = [
  { order: 'random', title: 'Random' },
  { order: 'doubtful', title: 'Doubtful first' },
  { order: 'typical', title: 'Typical first' },
]

/** Which photos to look at. */
export function ReviewTools({ set, order, round }: { set: string; order: Order; round: number }) {
  return (
    <nav class="review-tools" aria-label="Samples">
      <a href="/labels">All label sets</a>
      {ORDERS.map(it => (
        <a
          key={it.order}
          class="button"
          href={samplesPath(set, it.order)}
          aria-current={it.order === order ? 'true' : undefined}
        >
          {it.title}
        </a>
      ))}
      {order !== 'typical' && (
        <a class="button is-primary" href={samplesPath(set, order, round + 1)}>
          {order === 'random' ? 'Other samples' : 'Next ones'}
        </a>
      )}
    </nav>
  )
}
