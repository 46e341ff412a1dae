import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readPhotoList } from '../../../src/cli/options/filter-arguments.js'
import { readLineFile } from '../../../src/cli/options/line-file.js'
import { folderWith } from '../../producers/input/tables.js'

test.each(['a\nb\n', 'a\r\nb\r\n', 'a\rb\r', '\uFEFFa\nb'])('the lines of %j are a and b', async text => {
  const path = join(await folderWith({ 'lines.txt': text }), 'lines.txt')
  expect((await readLineFile(path, '')).filter(line => line !== '')).toEqual(['a', 'b'])
  expect(await readPhotoList(path)).toEqual({ photos: ['a', 'b'] })
})

test('a file that is not there is named, with what was expected', async () => {
  await expect(readPhotoList('/nowhere/ids.txt')).rejects.toMatchObject({
    code: 'INPUT_NOT_FOUND',
    message: '--photos expects a file with one photo id per line, found "/nowhere/ids.txt": ENOENT',
  })
})
