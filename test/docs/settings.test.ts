import { expect, test } from 'vitest'
import { settingsPage } from '../../tools/docs/settings-page.js'

// After a change in src/settings/: npx vitest run test/docs/settings.test.ts -u
test('the page of settings has every setting as the code has it', async () => {
  await expect(settingsPage()).toMatchFileSnapshot('../../docs/settings.md')
})
