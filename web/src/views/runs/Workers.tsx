import type { Worker } from '../../api/runs.js'
import { count, rateText } from './run-texts.js'

/** The workers that are alive, with what is in their way. */
export function Workers({ workers }: { workers: readonly Worker[] }) {
  return (
    <section class="band" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      {workers.length === 0 && (
        <p class="quiet">
          No worker is alive. <code>unsplash-clip worker</code> starts one; <code>ingest</code> without{' '}
          <code>--processes</code> only enqueues.
        </p>
      )}
      <ul class="workers">
        {workers.map(({ id, host, pid, model, photos_per_second, in_flight, embedded, failed, trouble }) => (
          <li key={id} class="worker">
            <p class="worker-name">
              {host} · {pid}
            </p>
            <p class="quiet">
              {[
                model,
                rateText(photos_per_second),
                `${count(in_flight)} in work`,
                `${count(embedded)} embedded`,
                failed > 0 ? `${count(failed)} failed` : '',
              ]
                .filter(text => text !== '')
                .join(' · ')}
            </p>
            {trouble && <p class="problem">{trouble}</p>}
          </li>
        ))}
      </ul>
    </section>
  )
}
