import { justifiedRows } from '../grid/justified-rows.js'

const RATIOS = [1.5, 0.75, 1.5, 1.33, 0.67, 1.5, 1.5, 1, 0.75, 1.5, 1.78, 0.67, 1.5, 1.5, 0.8, 1.5, 1.33, 1.5]

/** Where photos will be. */
export function GridPending() {
  const width = Math.min(innerWidth, 2400) - 48
  const rows = justifiedRows(RATIOS, { width, target: 210, gap: 8, isComplete: false })
  return (
    <div class="pending" aria-hidden="true">
      {rows.map(({ start, end, height }) => (
        <div key={start} class="pending-row">
          {RATIOS.slice(start, end).map((ratio, i) => (
            <span key={i} style={{ flex: `${ratio} 1 0`, height: `${height}px` }} />
          ))}
        </div>
      ))}
    </div>
  )
}
