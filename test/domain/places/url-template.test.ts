import { describe, expect, test } from 'vitest'
import {
  applyUrlTemplate,
  checkUrlTemplate,
  holdsSecret,
  withVariables,
} from '../../../src/domain/places/url-template.js'

const UNSPLASH = { photoId: 'XMyPniM9LF0', imageUrl: 'https://images.unsplash.com/uploads/1411/f1f2ebf3' }

describe('the URL a photo is downloaded from', () => {
  test('asks images.unsplash.com for 640 pixels of JPEG', () => {
    expect(applyUrlTemplate(undefined, UNSPLASH)).toBe(`${UNSPLASH.imageUrl}?w=640&fm=jpg&q=85&fit=max`)
  })

  test('keeps other parameters of images.unsplash.com, and replaces its own', () => {
    const imageUrl = `${UNSPLASH.imageUrl}?ixid=abc&w=9000`
    expect(applyUrlTemplate(undefined, { photoId: 'a', imageUrl })).toBe(
      `${UNSPLASH.imageUrl}?ixid=abc&w=640&fm=jpg&q=85&fit=max`,
    )
  })

  test('is left as it is for other hosts and for files', () => {
    for (const imageUrl of [
      'https://example.com/a b.jpg?x=1',
      'https://evil.example/images.unsplash.com',
      'file:///a/images.unsplash.com/b.jpg',
    ])
      expect(applyUrlTemplate(undefined, { photoId: 'a', imageUrl })).toBe(imageUrl)
  })

  for (const [template, expected] of [
    ['http://localhost:8080/{photo_id}.jpg', 'http://localhost:8080/XMyPniM9LF0.jpg'],
    ['{image_url}?w=320', `${UNSPLASH.imageUrl}?w=320`],
    ['https://proxy.example/{image_url}', `https://proxy.example/${UNSPLASH.imageUrl}`],
    [
      'https://proxy.example/?url={image_url}&id={photo_id}',
      `https://proxy.example/?url=${encodeURIComponent(UNSPLASH.imageUrl)}&id=XMyPniM9LF0`,
    ],
    ['file:///photos/{photo_id}.jpg', 'file:///photos/XMyPniM9LF0.jpg'],
  ] as const)
    test(`follows the template ${template}`, () => {
      expect(() => checkUrlTemplate(template)).not.toThrow()
      expect(applyUrlTemplate(template, UNSPLASH)).toBe(expected)
    })

  test('refuses templates with unknown placeholders, without any, or that give no URL', () => {
    for (const [template, message] of [
      ['https://example.com/{id}', /\{photo_id\} and \{image_url\} are available, found \{id\}/],
      ['https://example.com/photo.jpg', /every photo has the same URL/],
      ['{photo_id}.jpg', /URL expected, found "XMyPniM9LF0\.jpg"/],
      ['ftp://example.com/{photo_id}', /http, https or file URL expected/],
      ['', /URL expected/],
    ] as const) {
      expect(() => checkUrlTemplate(template)).toThrow(message)
      expect(() => checkUrlTemplate(template)).toThrow(expect.objectContaining({ code: 'USAGE' }))
    }
  })
})

describe('variables and secrets', () => {
  test('a template names variables of the environment, which have to be set', () => {
    const template = `https://mirror.example/{photo_id}?token=$\{MIRROR_TOKEN}`
    expect(withVariables(template, { MIRROR_TOKEN: 'abc' })).toBe('https://mirror.example/{photo_id}?token=abc')
    expect(() => withVariables(template, { MIRROR_TOKEN: '' })).toThrow(
      'the environment variable MIRROR_TOKEN expected',
    )
  })

  test('a template that names variables names its host, so that no address of a photo decides who gets them', () => {
    const environment = { TOKEN: 'hunter2', BASE: 'https://mirror.example' }
    const values = { photoId: 'a', imageUrl: 'https://evil.example/' }
    for (const template of [
      `{image_url}?token=$\{TOKEN}`,
      `https://mirror.example{image_url}?token=$\{TOKEN}`,
      `https:///{image_url}?token=$\{TOKEN}`,
      `https://{photo_id}.mirror.example/?token=$\{TOKEN}`,
      `$\{BASE}{image_url}`,
    ]) {
      expect(() => checkUrlTemplate(template, environment)).toThrow(/https:\/\/HOST\/ expected/)
      expect(() => applyUrlTemplate(template, values, environment)).toThrow(/^(?!.*hunter2)/)
    }
    expect(applyUrlTemplate(`$\{BASE}/{image_url}?token=$\{TOKEN}`, values, environment)).toBe(
      'https://mirror.example/https://evil.example/?token=hunter2',
    )
  })

  test.each([
    ['https://user:hunter2@mirror.example/{photo_id}', true],
    ['https://mirror.example/{photo_id}?token=s3cret', true],
    ['https://mirror.example/{photo_id}?X-Amz-Signature=abc', true],
    [`https://mirror.example/{photo_id}?token=$\{MIRROR_TOKEN}`, false],
    ['https://mirror.example/{photo_id}.jpg?w=640', false],
    ['{image_url}&fit=max&crop=entropy&w=1280', false],
    ['{image_url}&token=s3cret', true],
    ['{image_url}&more=hunter2-6f1d', true],
    ['file:///photos/{photo_id}.jpg', false],
  ])('%s holds a secret: %s', (template, expected) => expect(holdsSecret(template)).toBe(expected))
})
