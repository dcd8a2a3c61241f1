import type { VNode } from 'preact';

/** Small marks of card networks, drawn here so that nothing is fetched. The form's script shows the one that the digits tell. */
export function Marks(): VNode {
  return (
    <span class="marks" id="marks" aria-hidden="true">
      <svg class="mark-none" viewBox="0 0 36 24">
        <rect x="1" y="1" width="34" height="22" rx="4" fill="none" stroke="currentColor" stroke-width="1.5" opacity=".7" />
        <path d="M1 8h34" stroke="currentColor" stroke-width="3" opacity=".7" />
        <path d="M6 17h9" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" opacity=".7" />
      </svg>
      <svg class="mark-visa" viewBox="0 0 36 24">
        <rect width="36" height="24" rx="4" fill="#1a1f71" />
        <path d="M15.6 7.4l-1.7 9.2h-2.2l1.7-9.2zm8.9 5.9l1.1-3.1.7 3.1zm2.5 3.3H29l-1.8-9.2h-1.9c-.4 0-.8.3-1 .6l-3.3 8.6h2.3l.5-1.3h2.8zm-5.8-3c0-2.4-3.4-2.6-3.4-3.7 0-.3.3-.7 1-.8.4 0 1.3-.1 2.4.4l.4-1.9c-.6-.2-1.3-.4-2.2-.4-2.3 0-3.9 1.2-3.9 2.9 0 1.3 1.1 2 2 2.4.9.4 1.2.7 1.2 1.1 0 .6-.7.9-1.4.9-1.1 0-1.8-.3-2.3-.5l-.4 1.9c.5.2 1.5.4 2.5.4 2.4 0 4-1.2 4.1-2.7zM12.400 7.4l-3.600 9.2H6.400L4.600 9.300c-.1-.4-.2-.6-.5-.7-.5-.3-1.300-.6-2.000-.7l.1-.5h3.800c.5 0 .9.3 1 .9l.9 5 2.300-5.9z" fill="#fff" transform="translate(2.300 0)" />
      </svg>
      <svg class="mark-mastercard" viewBox="0 0 36 24">
        <rect width="36" height="24" rx="4" fill="#1c1f26" />
        <circle cx="14.200" cy="12" r="6.600" fill="#eb001b" />
        <circle cx="21.800" cy="12" r="6.600" fill="#f79e1b" />
        <path d="M18 6.600a6.600 6.600 0 0 1 0 10.800 6.600 6.600 0 0 1 0-10.800z" fill="#ff5f00" />
      </svg>
      <svg class="mark-amex" viewBox="0 0 36 24">
        <rect width="36" height="24" rx="4" fill="#1f72cd" />
        <path d="M4 15.500L7.200 8.500h1.900l3.200 7h-2.100l-.6-1.400H6.700l-.6 1.400zm3.300-3h1.700l-.85-2.100zM12.900 15.500v-7h2.500l1.700 3.900 1.700-3.900h2.500v7h-1.700v-4.600l-1.900 4.600h-1.300l-1.900-4.600v4.600zM22.400 15.500v-7h4.700v1.500h-3v1.200h2.900v1.500h-2.900V14h3v1.500zM26.800 15.500l2.300-3.500-2.200-3.500h2l1.200 2.100 1.200-2.100h1.900L31.100 12l2.200 3.500h-2l-1.300-2.100-1.300 2.100z" fill="#fff" transform="translate(-.6 0)" />
      </svg>
      <svg class="mark-mir" viewBox="0 0 36 24">
        <rect width="36" height="24" rx="4" fill="#0f754e" />
        <path d="M6 16V8h2.600l1.900 4.100L12.400 8H15v8h-2.100v-4.500L11 16H9.900L8 11.500V16zM16.700 16V8h2.100v4.600L22 8h2.300v8h-2.100v-4.600L19 16zM26 16V8h4.800c1.600 0 2.400 1.200 2.100 2.700-.2 1.300-1.400 2.200-2.700 2.200h-2.100V16z" fill="#fff" transform="translate(-1.400 0)" />
      </svg>
      <svg class="mark-unionpay" viewBox="0 0 36 24">
        <path d="M8 1h10l-4 22H4C2.500 23 1.600 21.800 1.900 20.400L5.500 3.400C5.800 2 6.800 1 8 1z" fill="#d9222a" />
        <path d="M16.500 1h9.500l-4 22h-9.500c-1.400 0-2.300-1.200-2-2.600l3.600-17C14.400 2 15.300 1 16.500 1z" fill="#00447c" />
        <path d="M25 1h7c1.500 0 2.400 1.200 2.100 2.600l-3.600 17c-.3 1.400-1.300 2.400-2.500 2.400h-7c-1.400 0-2.300-1.200-2-2.600l3.600-17C22.900 2 23.800 1 25 1z" fill="#007b84" />
      </svg>
    </span>
  );
}
