// Making and changing elements. Text only ever becomes text nodes: nothing in
// this page reads markup from a string.

const svgNames = new Set(['svg', 'path', 'rect', 'circle', 'polyline', 'polygon', 'line', 'title', 'g']);

/**
 * Makes an element. Of attrs, functions are listeners (onclick), true is an
 * attribute without a value, and false, null and undefined are left out.
 * @param {string} name
 * @param {Object<string, any>|null} [attrs]
 * @param {...(Node|string|number|null|false|undefined|Array)} kids
 * @returns {any}
 */
export function h(name, attrs, ...kids) {
  const [tag, ...classes] = name.split('.');
  const el = svgNames.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  if (classes.length) el.setAttribute('class', classes.join(' '));
  for (const [key, value] of Object.entries(attrs || {})) set(el, key, value);
  add(el, kids);
  return el;
}

/** Adds what is there, in order; strings and numbers as text. */
export function add(el, kids) {
  for (const kid of kids) {
    if (kid === null || kid === undefined || kid === false) continue;
    if (Array.isArray(kid)) add(el, kid);
    else el.append(kid instanceof Node ? kid : document.createTextNode(String(kid)));
  }
}

/** Sets one attribute or listener. */
export function set(el, key, value) {
  if (typeof value === 'function' && key.startsWith('on')) el.addEventListener(key.slice(2), value);
  else if (value === false || value === null || value === undefined) el.removeAttribute(key);
  else if (key === 'value' && 'value' in el) el.value = value;
  else if (key === 'style') throw new Error('styles belong into the style sheet');
  else el.setAttribute(key, value === true ? '' : String(value));
}

/** Gives an element other children. */
export function fill(el, ...kids) {
  el.replaceChildren();
  add(el, kids);
  return el;
}

/** Gives an element another text, if it is another one. */
export function say(el, text) {
  const next = String(text ?? '');
  if (el.textContent !== next) el.textContent = next;
}

/**
 * Makes the children of el those of a list, and keeps what is there already:
 * focus and selection stay where they are.
 * @param {Element} el
 * @param {Array} items
 * @param {(item: any) => string} key
 * @param {(item: any) => any} make an element with a method update(item)
 */
export function keyed(el, items, key, make) {
  const there = new Map();
  for (const child of el.children) there.set(child.dataset.key, child);
  let at = el.firstElementChild;
  for (const item of items) {
    const k = key(item);
    let child = there.get(k);
    if (child) there.delete(k);
    else {
      child = make(item);
      child.dataset.key = k;
    }
    child.update?.(item);
    if (child === at) at = at.nextElementSibling;
    else el.insertBefore(child, at);
  }
  for (const child of there.values()) child.remove();
}

/**
 * Calls f at most once in so many milliseconds, and not while nobody looks.
 * @param {() => void} f
 * @param {number} every
 */
export function paced(f, every) {
  let waiting = false, last = 0;
  return () => {
    if (waiting) return;
    waiting = true;
    const wait = Math.max(0, every - (performance.now() - last));
    setTimeout(() => requestAnimationFrame(() => {
      waiting = false;
      last = performance.now();
      f();
    }), wait);
  };
}
