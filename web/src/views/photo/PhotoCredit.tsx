import type { PhotoMetadata } from '../../api/schema.js'
import { photographer } from '../../components/grid/photo-text.js'

const LOOPBACK = /^http:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\])[:/]/
const REFERRAL = '?utm_source=unsplash-clip&utm_medium=referral'

/**
 * Who took the photo and its license, as the Unsplash terms ask; for own photos the place of the file.
 * @param isDemo whether it may come from the image server of the demo, which ends with the ingestion
 */
export function PhotoCredit({ photo, isDemo }: { photo: PhotoMetadata; isDemo: boolean }) {
  const page = photo.photo_url as string | null
  const isUnsplash = page !== null && /^https:\/\/(www\.)?unsplash\.com\//.test(page)
  const name = photographer({ photo })
  const username = photo.photographer_username as string | null
  const address = photo.photo_image_url as string | null
  const isWeb = address !== null && /^https?:/.test(address)
  if (isDemo && isWeb && LOOPBACK.test(address)) return <p class="credit">A scene that the demo rendered.</p>
  if (isUnsplash)
    return (
      <p class="credit">
        Photo by{' '}
        <a
          href={username ? `https://unsplash.com/@${encodeURIComponent(username)}${REFERRAL}` : page}
          rel="noreferrer"
          target="_blank"
        >
          {name ?? 'an unknown photographer'}
        </a>{' '}
        on{' '}
        <a href={`${page}${REFERRAL}`} rel="noreferrer" target="_blank">
          Unsplash
        </a>
        . Free to use under the{' '}
        <a href="https://unsplash.com/license" rel="noreferrer" target="_blank">
          Unsplash License
        </a>
        .
      </p>
    )
  return (
    <>
      {name && <p class="credit">Photo by {name}</p>}
      {address && (
        <p class="photo-file">
          {isWeb ? (
            <a href={address} rel="noreferrer" target="_blank">
              {address}
            </a>
          ) : (
            <code>{filePath(address)}</code>
          )}
        </p>
      )}
    </>
  )
}

/** A path that can be pasted, of the address of a file. */
function filePath(address: string): string {
  if (!address.startsWith('file:')) return address
  try {
    return decodeURIComponent(new URL(address).pathname)
  } catch {
    return address
  }
}
