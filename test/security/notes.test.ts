import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const NOTES = readFileSync('docs/explanation/security.md', 'utf8').replaceAll(/\s+/g, ' ')

test('the threat notes name tests that exist', () => {
  let file = ''
  let named = 0
  for (const [, path, title] of NOTES.matchAll(/`(test\/[\w./-]+\.ts)`|"([^"]+)"/g)) {
    if (path !== undefined) {
      file = path
      expect(existsSync(path), path).toBe(true)
    } else {
      expect(readFileSync(file, 'utf8'), `${file}: ${title}`).toContain(title)
      named++
    }
  }
  expect(named).toBeGreaterThan(25)
})
