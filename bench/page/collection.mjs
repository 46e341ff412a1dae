// Photos with pictures: scenes of the demo, each of which many photos share.
import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { composeScene, renderScene } from '../../dist/demo-scenes/scenes.js'
import { fillPhotos } from '../serve/collection.mjs'

const HEIGHT = 512
const QUALITY = 65

/** Renders scenes as copies. @returns what they show */
export async function renderCopies(folder, count) {
  mkdirSync(folder, { recursive: true })
  const scenes = []
  for (let i = 0; i < count; i++) {
    const scene = composeScene(5_000_000 + i)
    const jpeg = await renderScene(scene)
    const copy = await sharp(jpeg).resize({ height: HEIGHT }).jpeg({ quality: QUALITY }).toBuffer()
    writeFileSync(join(folder, `${i}.jpg`), copy)
    scenes.push({
      file: join(folder, `${i}.jpg`),
      width: scene.width,
      height: scene.height,
      caption: scene.description,
    })
  }
  return scenes
}

/** Photos up to a number, with the sizes and descriptions of scenes. */
export async function fillScenes(database, count, scenes) {
  await fillPhotos(database, count)
  await database.query(
    `update photos p
        set photo_width = s.width, photo_height = s.height, photo_description = s.caption || ', ' || p.photo_id,
            photographer_username = 'somebody-' || length(p.photo_id), blur_hash = 'LEHV6nWB2yk8pyo0adR*.7kCMdnj'
       from unnest($1::integer[], $2::integer[], $3::text[]) with ordinality as s (width, height, caption, place)
      where p.photo_id ~ '^photo-\\d+$' and (substr(p.photo_id, 7)::integer % $4::integer) + 1 = s.place`,
    [...['width', 'height', 'caption'].map(name => scenes.map(scene => scene[name])), scenes.length],
  )
}

/** The stored copies of the photos: links to those of the scenes. @param store folder of the object store */
export function linkCopies(store, count, scenes) {
  const folder = join(store, `h${HEIGHT}-q${QUALITY}`)
  mkdirSync(folder, { recursive: true })
  for (let i = 1; i <= count; i++) linkSync(scenes[i % scenes.length].file, join(folder, `photo-${i}.jpg`))
}
