import { SETTING_TOPICS } from '../../src/config.js'
import type { Setting } from '../../src/settings/setting.js'

const LINE_LENGTH = 118

/** docs/settings.md, from the settings as the code declares them. */
export function settingsPage(): string {
  return [
    '<!-- Generated from src/settings/ by `npx vitest run test/docs/settings.test.ts -u`. -->',
    '# Settings',
    '',
    ...wrapped(
      'Every command reads its settings from the environment and from a file `.env` in the current folder. ' +
        'Options on the command line take precedence. An invalid value ends the command with `CONFIG_INVALID`, exit ' +
        'code 2: the message names the variable, the expected value and the value that was found. An empty value ' +
        'counts as unset.',
      '',
      '',
    ),
    '',
    ...wrapped(
      'Settings marked *advanced* are for deployments with special needs. The defaults suit everybody else.',
      '',
      '',
    ),
    ...SETTING_TOPICS.flatMap(([title, settings]) => [
      '',
      `## ${title}`,
      '',
      ...Object.entries(settings).flatMap(([name, setting]) => entry(name, setting)),
    ]),
    '',
  ].join('\n')
}

function entry(name: string, setting: Setting): string[] {
  const fallback = setting.shownDefault ?? `\`${String(setting.default)}\``
  const mark = setting.advanced ? '; *advanced*' : ''
  return wrapped(
    `**\`${name}\`** (default: ${fallback}${mark}): ${setting.help} Expected: ${setting.expected}.`,
    '- ',
    '  ',
  )
}

/** Lines of at most {@link LINE_LENGTH} characters. @param first and @param rest what lines begin with */
function wrapped(text: string, first: string, rest: string): string[] {
  const lines = [first]
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    const start = line === first || line === rest
    if (start || line.length + 1 + word.length <= LINE_LENGTH)
      lines[lines.length - 1] = start ? line + word : `${line} ${word}`
    else lines.push(rest + word)
  }
  return lines
}
