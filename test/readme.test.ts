import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SETTINGS } from '../src/config.js'

const README = readFileSync('README.md', 'utf8')

test.each(Object.entries(SETTINGS))('the README’s table of settings has %s as the code has it', (name, setting) => {
  expect(README).toContain(settingsRow(name, setting))
})

function settingsRow(name: string, setting: (typeof SETTINGS)[keyof typeof SETTINGS]): string {
  const shown = 'shownDefault' in setting ? setting.shownDefault : `\`${String(setting.default)}\``
  return `| \`${name}\` | ${shown} | ${setting.help} |`
}
