import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { trainingCaptions } from '../../src/demo-scenes/captions.js'
import { createRandom } from '../../src/demo-scenes/random.js'
import { composeScene, renderScene } from '../../src/demo-scenes/scenes.js'
import { HELD_OUT_SEEDS, TRAINING_SEEDS } from '../../src/demo-scenes/seeds.js'
import { COLORS, GROUNDS, holds, KINDS, SPACES, TIMES, WEATHERS } from '../../src/demo-scenes/truth.js'
import { decoder } from '../../src/images/libvips.js'

const scenes = Array.from({ length: 600 }, (_, seed) => composeScene(seed))

describe('a rendered scene', () => {
  test('is the same for the same seed, and another for another seed', () => {
    expect(composeScene(42)).toEqual(composeScene(42))
    expect(new Set(scenes.map(({ svg }) => svg)).size).toBe(scenes.length)
  })

  test('becomes a JPEG of its own size, byte for byte the same', async () => {
    for (const scene of scenes.slice(0, 5)) {
      const jpeg = await renderScene(scene)
      expect(await sharp(jpeg).metadata()).toMatchObject({ format: 'jpeg', width: scene.width, height: scene.height })
      expect(jpeg.equals(await renderScene(composeScene(scene.seed)))).toBe(true)
    }
  })

  test('is drawn where photos are decoded, too, which still refuses the drawings of others', async () => {
    await Promise.all(scenes.slice(0, 3).map(scene => renderScene(scene)))
    const photo = decoder(Buffer.from(scenes[0]!.svg), { maxPixels: 1e8 })
    await expect(photo.toBuffer()).rejects.toThrow('unsupported image format')
    expect((await sharp(await renderScene(scenes[0]!)).metadata()).format).toBe('jpeg')
  })

  test('comes in every hour, on every ground, in every weather, with every object', () => {
    const truths = scenes.map(({ truth }) => truth)
    expect(new Set(truths.map(({ time }) => time))).toEqual(new Set(TIMES))
    expect(new Set(truths.map(({ space }) => space))).toEqual(new Set(SPACES))
    expect(new Set(truths.map(({ ground }) => ground))).toEqual(new Set(GROUNDS))
    expect(new Set(truths.map(({ weather }) => weather))).toEqual(new Set(WEATHERS))
    const objects = truths.flatMap(truth => truth.objects)
    expect(new Set(objects.map(({ kind }) => kind))).toEqual(new Set(KINDS))
    expect(new Set(objects.map(({ color }) => color))).toEqual(new Set(COLORS))
  })

  test('lists its main object first and keeps indoor and outdoor apart', () => {
    for (const { truth } of scenes) {
      expect(truth.objects[0]?.kind).toBe(truth.main)
      expect(truth.ground === 'floor').toBe(truth.space === 'indoor')
      if (truth.weather === 'snowfall') expect(truth.ground).toBe('snow')
    }
  })

  test('has captions that never name another hour than its own', () => {
    const hours = { dawn: /dawn|sunrise/i, day: /noon|daylight/i, dusk: /dusk|sunset/i, night: /night/i }
    for (const { captions, description, truth } of scenes) {
      expect(captions.length).toBeGreaterThanOrEqual(5)
      expect(captions[0]).toBe(description)
      expect(description).toMatch(/^(An?|The) .+\.$/)
      for (const time of TIMES) {
        if (time !== truth.time) expect(captions.join(' ')).not.toMatch(hours[time])
      }
    }
  })

  test('has training captions that state only what holds for it', () => {
    for (const { seed, truth } of scenes) {
      for (const { text, facts } of trainingCaptions(truth, createRandom(seed), 30)) {
        expect(holds(facts, truth), text).toBe(true)
      }
    }
  })

  test('draws in words of a colour only what has that colour', () => {
    const red = scenes.filter(({ captions }) => captions.some(text => /red (house|car|balloon|cup|boat)/i.test(text)))
    expect(red.length).toBeGreaterThan(30)
    for (const { truth } of red) expect(truth.objects.map(({ color }) => color)).toContain('red')
  })
})

describe('the seeds', () => {
  test('of training and of the held-out scenes do not meet', () => {
    expect(TRAINING_SEEDS.from + TRAINING_SEEDS.count).toBeLessThanOrEqual(HELD_OUT_SEEDS.from)
  })
})
