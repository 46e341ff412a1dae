import { describe, expect, it } from 'vitest'
import { dot, norm } from '../../src/domain/similarity.js'
import { type TextSpace, textSpace } from '../../src/domain/text-space.js'
import { clusteredVectors, DIMENSION } from '../db/clustered.js'

const { images, texts } = clusteredVectors(300, 120)
const [shaping, others] = [texts.slice(0, 80), texts.slice(80)]

/** As the functions in the database project, without the last number. */
const photoIn = ({ axes, weights, mean }: TextSpace, photo: Float32Array) =>
  axes.map((axis, i) => Math.sqrt(weights[i]!) * (dot(axis, photo) - dot(axis, mean)))
const textIn = ({ axes, weights }: TextSpace, text: Float32Array) =>
  axes.map((axis, i) => (weights[i]! > 0 ? dot(axis, text) / Math.sqrt(weights[i]!) : 0))

describe('the space of texts', () => {
  const space = textSpace(shaping, images)

  it('has orthonormal axes by falling weight, which add up to the length of the texts', () => {
    expect(space.axes).toHaveLength(DIMENSION)
    for (const [i, axis] of space.axes.entries()) {
      expect(norm(axis)).toBeCloseTo(1, 10)
      for (const other of space.axes.slice(0, i)) expect(dot(axis, other)).toBeCloseTo(0, 10)
    }
    expect(space.weights.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 6)
    expect(space.weights[0]).toBeGreaterThan(5 * space.weights[5]!)
  })

  it('keeps inner products of texts and photos, but for what is the same for all photos', () => {
    for (const text of others.slice(0, 5))
      for (const photo of images.slice(0, 20))
        expect(dot(textIn(space, text), photoIn(space, photo))).toBeCloseTo(dot(text, photo) - dot(text, space.mean), 5)
  })

  it('holds every photo of the sample, and those twice as long', () => {
    for (const photo of images) expect(2 * norm(photoIn(space, photo))).toBeLessThan(space.radius)
  })

  it('has no more axes than the texts have directions', () => {
    const { axes, weights } = textSpace(shaping.slice(0, 3), images)
    expect([...weights].filter(weight => weight > 0)).toHaveLength(3)
    expect(axes.filter(axis => norm(axis) > 0)).toHaveLength(3)
  })
})
