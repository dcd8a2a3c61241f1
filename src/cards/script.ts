/**
 * What the card form does in a browser that runs scripts: groups the digits, shows the network, and finds typing errors
 * before they are sent. Text, since it is never run here. It puts nothing into the page but text, keeps nothing, sends nothing.
 */
export const script = String.raw`(() => {
  'use strict';
  const form = document.getElementById('card-form');
  if (!form) return;
  const words = JSON.parse(form.dataset.words);
  const [number, expiry] = [form.elements.number, form.elements.expiry];
  const button = form.querySelector('button');
  const marks = document.getElementById('marks');
  const said = document.getElementById('brand');
  const BRANDS = [
    ['visa', 'Visa', /^4/, [16, 18, 19]],
    ['mastercard', 'Mastercard', /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
    ['amex', 'American Express', /^3[47]/, [15]],
    ['mir', 'Mir', /^220[0-4]/, [16, 17, 18, 19]],
    ['unionpay', 'UnionPay', /^62/, [14, 15, 16, 17, 18, 19]],
  ];
  const digitsOf = (text) => text.normalize('NFKC').replace(/\D/g, '');
  const brandOf = (digits) => BRANDS.find(([, , pattern]) => pattern.test(digits));
  const grouped = (digits, name) => (name === 'amex' ? [digits.slice(0, 4), digits.slice(4, 10), digits.slice(10)].filter(Boolean).join(' ') : digits.replace(/(\d{4})(?=\d)/g, '$1 '));
  const luhn = (digits) => [...digits].reverse().reduce((sum, digit, i) => sum + (i % 2 ? [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][digit] : +digit), 0) % 10 === 0;

  const say = (input, text) => {
    document.getElementById(input.id + '-error').textContent = text || '';
    if (text) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  };
  const numberProblem = () => {
    const digits = digitsOf(number.value);
    if (!number.value.trim()) return words.number.missing;
    if (/[^\d\s\-]/.test(number.value.normalize('NFKC'))) return words.number.digits;
    const brand = brandOf(digits);
    if (brand ? !brand[3].includes(digits.length) : digits.length < 12 || digits.length > 19) return words.number.length;
    return luhn(digits) ? '' : words.number.check;
  };
  const expiryProblem = () => {
    const text = expiry.value.trim();
    if (!text) return words.expiry.missing;
    const [, month, year] = /^(\d{1,2})\D+(\d{2}|\d{4})$/.exec(text) || /^(\d{2})(\d{2}|\d{4})$/.exec(text) || [];
    return month >= 1 && month <= 12 && year ? '' : words.expiry.format;
  };

  number.addEventListener('input', () => {
    const before = digitsOf(number.value.slice(0, number.selectionStart)).length;
    const atEnd = number.selectionStart === number.value.length;
    const digits = digitsOf(number.value);
    const brand = brandOf(digits);
    marks.dataset.brand = brand ? brand[0] : '';
    if (said.textContent !== (brand ? brand[1] : '')) said.textContent = brand ? brand[1] : '';
    if (!/[^\d\s\-]/.test(number.value)) {
      const text = grouped(digits.slice(0, 19), brand && brand[0]);
      if (text !== number.value) {
        number.value = text;
        let at = 0;
        for (let seen = 0; seen < before && at < text.length; at++) if (text[at] !== ' ') seen++;
        if (document.activeElement === number) number.setSelectionRange(atEnd ? text.length : at, atEnd ? text.length : at);
      }
    }
    if (number.getAttribute('aria-invalid') && !numberProblem()) say(number);
  });
  expiry.addEventListener('input', (event) => {
    if (!/^delete/.test(event.inputType || '') && /^[\d\s\/.\-]*$/.test(expiry.value)) {
      let digits = digitsOf(expiry.value);
      if (/^\d\s*[\/.\-]/.test(expiry.value) || /^[2-9]/.test(digits)) digits = '0' + digits;
      if (digits.length >= 6 && digits.slice(2, 4) === '20') digits = digits.slice(0, 2) + digits.slice(4);
      if (!(digits.length > 4)) expiry.value = digits.length >= 2 ? digits.slice(0, 2) + ' / ' + digits.slice(2) : digits;
    }
    if (expiry.getAttribute('aria-invalid') && !expiryProblem()) say(expiry);
  });
  number.addEventListener('blur', () => number.value && say(number, numberProblem()));
  expiry.addEventListener('blur', () => expiry.value && say(expiry, expiryProblem()));

  form.addEventListener('submit', (event) => {
    if (button.getAttribute('aria-disabled')) return event.preventDefault();
    say(number, numberProblem());
    say(expiry, expiryProblem());
    const wrong = form.querySelector('[aria-invalid]');
    if (wrong) {
      event.preventDefault();
      return wrong.focus();
    }
    button.setAttribute('aria-disabled', 'true');
    button.textContent = form.dataset.saving;
  });
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    form.reset();
    button.removeAttribute('aria-disabled');
    button.textContent = form.dataset.save;
  });
  if (number.value) number.dispatchEvent(new Event('input'));
})();`;
