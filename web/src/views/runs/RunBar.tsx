import type { Run } from '../../api/runs.js'

/** Embedded and failed photos as shares of all. The figures beside it say the same in words. */
export function RunBar({ run: { photos, done, failed } }: { run: Run }) {
  const share = (part: number) => (photos === 0 ? 0 : (100 * part) / photos)
  return (
    <svg class="run-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <rect class="run-bar-done" width={share(done)} height={4} />
      <rect class="run-bar-failed" x={share(done)} width={share(failed)} height={4} />
    </svg>
  )
}
