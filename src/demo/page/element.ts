/** The element of index.html with this id; throws when the page and the code don't belong together. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html has no element with id "${id}"; is it of the same build as the script?`);
  return found as T;
}
