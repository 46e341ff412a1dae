import type { PhotoSection } from './photo-page.js'

/** Cards of a page from which on its pictures are made smaller: copies of 512 pixels come to 60 KB each. */
const MANY_CARDS = 100
/** Twice the height of a card, for screens of two pixels per point: 15 KB each. */
const SMALL = { height: 288, quality: 60 }
/** Pictures of a page are the program's own copies. */
const MAX_PIXELS = 4_000_000
const DATA = 'data:image/jpeg;base64,'

/** The sections, of a page with many cards with smaller pictures. One that cannot be made smaller stays. */
export async function withSmallPictures(sections: readonly PhotoSection[]): Promise<PhotoSection[]> {
  const count = sections.reduce((sum, { cards = [] }) => sum + cards.length, 0)
  if (count <= MANY_CARDS) return [...sections]
  const smaller: PhotoSection[] = []
  for (const { cards, ...section } of sections) {
    if (cards === undefined) smaller.push(section)
    else {
      const images = []
      // One after the other: libvips computes in threads anyway.
      for (const card of cards) images.push({ ...card, image: card.image && (await small(card.image)) })
      smaller.push({ ...section, cards: images })
    }
  }
  return smaller
}

async function small(image: string): Promise<string> {
  if (!image.startsWith(DATA)) return image
  // Only here: with it comes the photo decoder, after which this process can render no drawings.
  const { compress } = await import('../../images/store-copy.js')
  const copy = Buffer.from(image.slice(DATA.length), 'base64')
  return compress(copy, { ...SMALL, maxPixels: MAX_PIXELS }).then(dataUri, () => image)
}

/** A small picture of any image that the decoders read. @throws PhotoError */
export async function queryPicture(image: Uint8Array, maxPixels: number): Promise<string> {
  const [{ pictureOf }, { compress }] = await Promise.all([
    import('../../images/formats/open-picture.js'),
    import('../../images/store-copy.js'),
  ])
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length)
  const picture = await (await pictureOf(bytes, maxPixels)).open()
  return dataUri(await compress(picture, { ...SMALL, maxPixels }))
}

function dataUri(jpeg: Buffer): string {
  return DATA + jpeg.toString('base64')
}
