import { forgetResources } from './resource.js'
import { forgetResults, lastList } from './result-list.js'

/** Photos were removed: no view and no list may show them again. */
export function forgetCollection(): void {
  forgetResources()
  forgetResults()
  lastList.value = null
}
