import { embedPicture, embedPictureAt } from '../../api/embed.js'
import { announce, current, show } from '../../state/current.js'
import { added } from '../../state/search-state.js'
import { textOfVector } from '../../state/vector-text.js'

const THUMBNAIL = 64
const PREFIX = 'picture '

/** Searches towards a picture. The address gets its vector; the picture itself stays in this tab, for the chip. */
export async function searchByPicture(file: Blob): Promise<void> {
  announce('The picture is being read.')
  const text = textOfVector(await embedPicture(file))
  await keepThumbnail(text, file).catch(() => {})
  show(added(current.value, 'pictures', text))
}

/** Searches towards the picture at an address, which the server fetches. */
export async function searchByPictureAt(url: string): Promise<void> {
  announce('The server fetches the picture.')
  show(added(current.value, 'pictures', textOfVector(await embedPictureAt(url))))
}

/** A small copy of a picture that was searched for in this tab; null: the link came from elsewhere. */
export function thumbnailOf(text: string): string | null {
  return sessionStorage.getItem(PREFIX + text)
}

async function keepThumbnail(text: string, file: Blob): Promise<void> {
  const bitmap = await createImageBitmap(file, { resizeHeight: THUMBNAIL, resizeQuality: 'medium' })
  const canvas = document.createElement('canvas')
  canvas.width = bitmap.width
  canvas.height = bitmap.height
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0)
  sessionStorage.setItem(PREFIX + text, canvas.toDataURL('image/jpeg', 0.7))
}

/** The first picture among what was dropped or pasted. Browsers know no type of HEIC and camera RAW; the server does. */
export function pictureIn(data: DataTransfer | null): File | null {
  const isPicture = ({ type, name }: File) => type.startsWith('image/') || (type === '' && name.includes('.'))
  return [...(data?.files ?? [])].find(isPicture) ?? null
}
