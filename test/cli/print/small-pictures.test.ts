import sharp from 'sharp'
import { expect, test } from 'vitest'
import type { PhotoCard } from '../../../src/cli/print/photo-page.js'
import { queryPicture, withSmallPictures } from '../../../src/cli/print/small-pictures.js'
import { gradient } from '../../support/images/sample-images.js'

const heightOf = async (uri: string) => (await sharp(Buffer.from(uri.split(',')[1]!, 'base64')).metadata()).height

async function cards(count: number): Promise<PhotoCard[]> {
  const jpeg = await gradient(600, 400).jpeg().toBuffer()
  const image = `data:image/jpeg;base64,${jpeg.toString('base64')}`
  const card = { photoId: 'a', image, description: null, labels: [], credit: null, link: null }
  return Array.from({ length: count }, () => card)
}

test('Pages of many photos have smaller pictures, those of few keep the copies', async () => {
  const [few] = await withSmallPictures([{ heading: 'Photos', cards: await cards(3) }])
  expect(await heightOf(few!.cards![0]!.image!)).toBe(400)
  const web = { ...(await cards(1))[0]!, image: 'https://images.example/a.jpg' }
  const many = await withSmallPictures([
    { heading: 'Bars', bars: [] },
    { heading: 'Photos', cards: [...(await cards(101)), web, { ...web, image: null }] },
  ])
  const images = many[1]!.cards!.map(card => card.image)
  expect(await heightOf(images[100]!)).toBe(288)
  expect(images.slice(101)).toEqual([web.image, null])
  expect(many[0]).toEqual({ heading: 'Bars', bars: [] })
})

test('The picture of a query is small, whatever its format', async () => {
  expect(await heightOf(await queryPicture(await gradient(600, 400).png().toBuffer(), 1e6))).toBe(288)
})
