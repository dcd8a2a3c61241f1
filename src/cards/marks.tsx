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
        <path
          d="M15.6 7.4l-1.7 9.2h-2.2l1.7-9.2zm8.9 5.9l1.1-3.1.7 3.1zm2.5 3.3H29l-1.8-9.2h-1.9c-.4 0-.8.3-1 .6l-3.3 8.6h2.3l.5-1.3h2.8zm-5.8-3c0-2.4-3.4-2.6-3.4-3.7 0-.3.3-.7 1-.8.4 0 1.3-.1 2.4.4l.4-1.9c-.6-.2-1.3-.4-2.2-.4-2.3 0-3.9 1.2-3.9 2.9 0 1.3 1.1 2 2 2.4.9.4 1.2.7 1.2 1.1 0 .6-.7.9-1.4.9-1.1 0-1.8-.3-2.3-.5l-.4 1.9c.5.2 1.5.4 2.5.4 2.4 0 4-1.2 4.1-2.7zM12.4 7.4l-3.6 9.2H6.4L4.6 9.3c-.1-.4-.2-.6-.5-.7-.5-.3-1.3-.6-2-.7l.1-.5h3.8c.5 0 .9.3 1 .9l.9 5 2.3-5.9z"
          fill="#fff"
          transform="translate(2.3 0)"
        />
      </svg>
      <svg class="mark-mastercard" viewBox="0 0 36 24">
        <rect width="36" height="24" rx="4" fill="#f1f2f5" />
        <circle cx="14.2" cy="12" r="6.6" fill="#eb001b" />
        <circle cx="21.8" cy="12" r="6.6" fill="#f79e1b" />
        <path d="M18 6.6a6.6 6.6 0 0 1 0 10.8 6.6 6.6 0 0 1 0-10.8z" fill="#ff5f00" />
      </svg>
      <svg class="mark-amex" viewBox="0 0 36 24">
        <rect width="36" height="24" rx="4" fill="#1f72cd" />
        <path
          d="M4 15.5L7.2 8.5h1.9l3.2 7h-2.1l-.6-1.4H6.7l-.6 1.4zm3.3-3h1.7l-.85-2.1zM12.9 15.5v-7h2.5l1.7 3.9 1.7-3.9h2.5v7h-1.7v-4.6l-1.9 4.6h-1.3l-1.9-4.6v4.6zM22.4 15.5v-7h4.7v1.5h-3v1.2h2.9v1.5h-2.9V14h3v1.5zM26.8 15.5l2.3-3.5-2.2-3.5h2l1.2 2.1 1.2-2.1h1.9L31.1 12l2.2 3.5h-2l-1.3-2.1-1.3 2.1z"
          fill="#fff"
          transform="translate(-.6 0)"
        />
      </svg>
      <svg class="mark-mir" viewBox="0 0 36 24">
        <rect width="36" height="24" rx="4" fill="#0f754e" />
        <path
          d="M6 16V8h2.6l1.9 4.1L12.4 8H15v8h-2.1v-4.5L11 16H9.9L8 11.5V16zM16.7 16V8h2.1v4.6L22 8h2.3v8h-2.1v-4.6L19 16zM26 16V8h4.8c1.6 0 2.4 1.2 2.1 2.7-.2 1.3-1.4 2.2-2.7 2.2h-2.1V16z"
          fill="#fff"
          transform="translate(-1.4 0)"
        />
      </svg>
      <svg class="mark-unionpay" viewBox="0 0 36 24">
        <path d="M8 1h10l-4 22H4C2.5 23 1.6 21.8 1.9 20.4L5.5 3.4C5.8 2 6.8 1 8 1z" fill="#d9222a" />
        <path d="M16.5 1h9.5l-4 22h-9.5c-1.4 0-2.3-1.2-2-2.6l3.6-17C14.4 2 15.3 1 16.5 1z" fill="#00447c" />
        <path d="M25 1h7c1.5 0 2.4 1.2 2.1 2.6l-3.6 17c-.3 1.4-1.3 2.4-2.5 2.4h-7c-1.4 0-2.3-1.2-2-2.6l3.6-17C22.9 2 23.8 1 25 1z" fill="#007b84" />
      </svg>
    </span>
  );
}
