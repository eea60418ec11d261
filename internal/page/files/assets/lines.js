// A list of lines of which only those in sight are elements.
import { h } from './dom.js';

export const rowHeight = 20;
const tallest = 8_000_000; // browsers end somewhere above

/**
 * @param {(row: HTMLElement, item: any, index: number) => void} draw
 * @param {{label: string, onpick: (index: number) => void, onscroll: (atEnd: boolean) => void}} o
 */
export function lines(draw, o) {
  const tall = h('div.tall'), pane = h('div.pane', { 'aria-hidden': 'false' });
  const el = h('div.lines', { role: 'log', 'aria-label': o.label, 'aria-live': 'off', tabindex: '0' }, tall, pane);
  const rows = [];
  let items = [], asked = false, following = true, own = false, picked = -1;
  const size = () => Math.min(items.length * rowHeight, tallest);

  function paint() {
    asked = false;
    tall.style.height = size() + 'px';
    if (following) {
      own = true;
      el.scrollTop = size();
    }
    const seen = Math.ceil(el.clientHeight / rowHeight) + 1;
    const first = Math.max(0, Math.min(Math.floor(el.scrollTop / rowHeight), items.length - seen + 1));
    while (rows.length < seen) {
      const row = h('div.line');
      row.addEventListener('click', () => o.onpick(row.index));
      rows.push(row);
      pane.append(row);
    }
    rows.forEach((row, i) => {
      const at = first + i, there = i < seen && at < items.length;
      row.hidden = !there;
      if (!there) return;
      row.index = at;
      row.classList.toggle('picked', at === picked);
      draw(row, items[at], at);
    });
    pane.style.transform = `translateY(${first * rowHeight}px)`;
  }
  const soon = () => { if (!asked) { asked = true; requestAnimationFrame(paint); } };
  el.addEventListener('scroll', () => {
    const end = el.scrollTop + el.clientHeight >= el.scrollHeight - rowHeight;
    if (!own && end !== following) o.onscroll(following = end);
    own = false;
    soon();
  }, { passive: true });
  const watch = new ResizeObserver(soon);
  watch.observe(el);

  el.leave = () => watch.disconnect();
  /** Shows these; the array stays the caller's. */
  el.show = (list, taken = 0) => {
    items = list;
    if (taken && !following) el.scrollTop = Math.max(0, el.scrollTop - taken * rowHeight);
    if (picked >= 0) picked = Math.max(-1, picked - taken);
    soon();
  };
  el.follow = (on) => { following = on; soon(); };
  el.pick = (index, scroll = true) => {
    picked = index;
    if (scroll && index >= 0) {
      following = false;
      tall.style.height = size() + 'px';
      own = true;
      el.scrollTop = Math.max(0, index * rowHeight - el.clientHeight / 3);
    }
    soon();
  };
  el.picked = () => picked;
  el.first = () => Math.floor(el.scrollTop / rowHeight);
  return el;
}
