import { expect, test } from 'vitest'
import { inventedMetadata } from '../../src/demo/invented-metadata.js'
import { composeScene } from '../../src/demo-scenes/scenes.js'

const SCENES = Array.from({ length: 200 }, (_, i) => composeScene(5_000_000 + i))

test('every scene of the demo has a date, and those outdoors have a place', () => {
  for (const scene of SCENES) {
    const { photo_submitted_at: date, photo_location_country: country, ...rest } = inventedMetadata(scene)
    expect(date).toMatch(/^20(1[6-9]|2[0-5])-(0[1-9]|1[0-2])-[0-2]\d [0-2]\d:[0-5]\d:00$/)
    expect(country === undefined).toBe(scene.truth.space === 'indoor')
    if (country === undefined) expect(rest).toEqual({})
    else expect(Math.abs(rest.photo_location_latitude!)).toBeLessThan(71)
  }
})

test('the same scene has the same date and place, and other scenes have others', () => {
  const all = SCENES.map(scene => inventedMetadata(scene))
  expect(SCENES.map(scene => inventedMetadata(scene))).toEqual(all)
  expect(new Set(all.map(({ photo_location_city: city }) => city)).size).toBeGreaterThan(20)
  expect(new Set(all.map(({ photo_submitted_at: date }) => date)).size).toBeGreaterThan(190)
})
