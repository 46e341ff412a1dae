import type { Command } from 'commander'
import { AppError, explainFailure } from '../../domain/errors.js'
import type { PhotoDetails } from '../../domain/ports/repository.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { table } from '../output.js'

export function addPhotoCommand(program: Command): void {
  program
    .command('photo')
    .description('Show all that is known of a photo: metadata, labels, stored copy, failures.')
    .argument('<id>', 'photo id')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip photo iflUHY8zMYc
  unsplash-clip photo iflUHY8zMYc --json

Exit codes: 0 done, 1 no such photo, 2 wrong usage.`,
    )
    .action(async (id: string, options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, context => showPhoto(context, id))
    })
}

async function showPhoto({ app, out }: Context, id: string): Promise<number> {
  const { search } = await app.repositories()
  const details = await search.photo(id)
  if (details === null) throw new AppError('NOT_FOUND', `The database has no photo ${JSON.stringify(id)}.`)
  out.result(details, describe(details, app.storeLocation))
  return 0
}

function describe({ photo, states }: PhotoDetails, storeLocation: string): string {
  const metadata = Object.entries(photo)
    .filter(([, value]) => value !== null)
    .map(([column, value]) => [column, String(value)])
  const models = states.map(state => {
    const lines = [`\n${state.modelKey}`]
    if (state.embeddedAt) lines.push(`  embedded ${state.embeddedAt.toISOString()}`)
    if (state.storedKey) lines.push(`  copy     ${storeLocation}/${state.storedKey}`)
    for (const [set, { label, scores }] of Object.entries(state.labels)) {
      const all = Object.entries(scores).map(([name, score]) => `${name} ${score.toFixed(3)}`)
      lines.push(`  ${set}: ${label} (${all.join(', ')})`)
    }
    if (state.failure) {
      const { code, message, attempts } = state.failure
      lines.push(
        `  failed after ${attempts} ${attempts === 1 ? 'try' : 'tries'}: ${code}: ${message}`,
        `  ${explainFailure(code)}`,
      )
    }
    return lines.join('\n')
  })
  if (states.length === 0) models.push('\nNot embedded by any model yet.')
  return [table(['column', 'value'], metadata), ...models].join('\n')
}
