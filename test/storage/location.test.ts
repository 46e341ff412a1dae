import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parseObjectStoreLocation } from '../../src/storage/location.js'

test.each([
  ['s3://photos', { kind: 's3', bucket: 'photos', prefix: '' }],
  ['s3://photos/', { kind: 's3', bucket: 'photos', prefix: '' }],
  ['s3://my.photos-1/a/b/', { kind: 's3', bucket: 'my.photos-1', prefix: 'a/b' }],
  ['S3://photos/a', { kind: 's3', bucket: 'photos', prefix: 'a' }],
  ['/var/photos', { kind: 'folder', folder: '/var/photos' }],
  ['photos', { kind: 'folder', folder: resolve('photos') }],
  ['./s3', { kind: 'folder', folder: resolve('s3') }],
])('%s is understood', (text, expected) => {
  expect(parseObjectStoreLocation(text)).toEqual(expected)
})

test.each([
  's3://',
  's3:///prefix',
  's3://Photos',
  's3://photos/../a',
  's3://photos/a b',
  'gs://photos',
  's3:/photos',
  'http://x/y',
])('%s is refused with what was expected', text => {
  expect(() => parseObjectStoreLocation(text)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('s3://bucket/prefix') }),
  )
})

test('A password in the location is not repeated', () => {
  expect(() => parseObjectStoreLocation('s3://key:secret@photos/a')).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('secret') }),
  )
})
