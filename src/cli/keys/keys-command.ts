import { type Command, Option } from 'commander'
import { SCOPES, type Scope } from '../../domain/api-key.js'
import { type CommonOptions, runCommand } from '../context.js'
import { expiry } from './expiry.js'

export function addKeysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .description('Create, list and revoke the keys of the HTTP API.')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip keys create laptop --scope read
  unsplash-clip keys list
  unsplash-clip keys revoke laptop

Scopes, each with those before it:
  read     search, photos, copies, labels
  ingest   submit photos, retry; runs and workers; addresses of files on the server
  admin    remove photos; pause, resume and cancel runs`,
    )
  keys
    .command('create')
    .description('Create a key and print it. It cannot be shown again.')
    .argument('<name>', 'name of the key, for people')
    .addOption(new Option('--scope <scope>', 'what the key may do').choices(SCOPES).default('read'))
    .option('--expires <when>', 'days or hours from now (90d, 12h), or a time in ISO format; default: never', expiry)
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip keys create laptop --scope admin
  unsplash-clip keys create website --expires 365d --json
  curl -H "x-api-key: $KEY" https://photos.example/api/v1/search?q=snow

The database stores a digest of the key. Requests send it as "x-api-key: KEY" or "Authorization: Bearer KEY".
Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (name: string, options: CommonOptions & { scope: Scope; expires?: Date }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { createKey } = await import('./manage-keys.js')
        return createKey(context, name, options)
      })
    })
  keys
    .command('list')
    .description('List the keys: id, scope, when each was created and last used, and when it expires.')
    .option('--all', 'also those that are expired or revoked')
    .option('--json', 'print one JSON object per line')
    .addHelpText('after', '\nExamples:\n  unsplash-clip keys list\n  unsplash-clip keys list --all --json')
    .action(async (options: CommonOptions & { all?: boolean }) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { listKeys } = await import('./manage-keys.js')
        return listKeys(context, options.all ?? false)
      })
    })
  keys
    .command('revoke')
    .description('Revoke a key for good. Servers refuse it within seconds.')
    .argument('<key>', 'id or name of the key')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip keys revoke laptop
  unsplash-clip keys revoke 3f9a1c2d

Exit codes: 0 done, 1 no such key, 2 wrong usage.`,
    )
    .action(async (idOrName: string, options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { revokeKey } = await import('./manage-keys.js')
        return revokeKey(context, idOrName)
      })
    })
}
