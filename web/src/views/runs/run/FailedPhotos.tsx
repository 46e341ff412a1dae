import { useEffect, useState } from 'preact/hooks'
import { type FailedPhoto, failedPhotos } from '../../../api/runs.js'

interface Props {
  runId: string
  code: string
}

/** The photos that failed with a code, page by page, each with its URL and the reason. */
export function FailedPhotos({ runId, code }: Props) {
  const [photos, setPhotos] = useState<readonly FailedPhoto[]>([])
  const [next, setNext] = useState<string | null>(null)
  const [problem, setProblem] = useState('')
  const load = (cursor: string | null) =>
    failedPhotos(runId, code, cursor).then(
      page => {
        setPhotos(former => (cursor === null ? page.failures : [...former, ...page.failures]))
        setNext(page.next)
        setProblem('')
      },
      error => setProblem((error as Error).message),
    )
  useEffect(() => void load(null), [runId, code])
  return (
    <>
      <ul class="failed-photos">
        {photos.map(({ photo_id, url, message, attempts }) => (
          <li key={photo_id}>
            <a href={`/photos/${encodeURIComponent(photo_id)}`}>{photo_id}</a>
            <p>
              {message}
              {attempts !== null && attempts > 1 ? ` (${attempts} attempts)` : ''}
            </p>
            <p class="quiet">
              {/^https?:/.test(url) ? (
                <a href={url} rel="noreferrer" target="_blank">
                  {url}
                </a>
              ) : (
                <code>{url}</code>
              )}
            </p>
          </li>
        ))}
      </ul>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {next !== null && (
        <button type="button" class="button" onClick={() => void load(next)}>
          More photos
        </button>
      )}
    </>
  )
}
