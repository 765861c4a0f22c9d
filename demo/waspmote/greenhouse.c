/*
 * A small program for the ATmega1281 of a Waspmote: measures a voltage, prints one line a second on UART 0 and blinks.
 * Three versions of it are built from this source (see build.js), so that updates have something to tell apart:
 *   1  prints the raw reading
 *   2  prints millivolts
 *   3  prints a sliding mean in millivolts
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <stdint.h>
#include <stdlib.h>

#ifndef PROGRAM_VERSION
#error "build with -DPROGRAM_VERSION=1, 2 or 3"
#endif

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)

static const char banner[] = "greenhouse version " TEXT_OF(PROGRAM_VERSION) "\r\n";

static volatile uint8_t ticked;

ISR(TIMER1_COMPA_vect) { ticked = 1; }

static void print(const char *text)
{
    for (; *text != 0; text++) {
        loop_until_bit_is_set(UCSR0A, UDRE0);
        UDR0 = *text;
    }
}

static uint16_t measure(uint8_t channel)
{
    ADMUX = _BV(REFS0) | channel;
    ADCSRA = _BV(ADEN) | _BV(ADSC) | 7;
    loop_until_bit_is_clear(ADCSRA, ADSC);
    return ADC;
}

#if PROGRAM_VERSION >= 2
static uint16_t millivolts(uint16_t reading) { return (uint16_t)((uint32_t)reading * 3300 / 1024); }
#endif

#if PROGRAM_VERSION >= 3
static uint16_t window[8];
static uint16_t mean(uint16_t newest)
{
    static uint8_t at;
    uint32_t sum = 0;
    window[at] = newest;
    at = (uint8_t)((at + 1) % 8);
    for (uint8_t i = 0; i < 8; i++) sum += window[i];
    return (uint16_t)(sum / 8);
}
#endif

static void report(uint16_t reading)
{
    char digits[8];
#if PROGRAM_VERSION >= 3
    reading = mean(millivolts(reading));
#elif PROGRAM_VERSION >= 2
    reading = millivolts(reading);
#endif
    utoa(reading, digits, 10);
    print(digits);
    print(PROGRAM_VERSION >= 2 ? " mV\r\n" : "\r\n");
}

int main(void)
{
    UBRR0 = 7; /* 115200 baud at 14.7456 MHz */
    UCSR0B = _BV(TXEN0);
    DDRC |= _BV(PC0);
    TCCR1B = _BV(WGM12) | _BV(CS12) | _BV(CS10); /* 14400 ticks a second */
    OCR1A = 14399;
    TIMSK1 = _BV(OCIE1A);
    set_sleep_mode(SLEEP_MODE_IDLE);
    sei();
    print(banner);
    for (;;) {
        sleep_mode();
        if (!ticked) continue;
        ticked = 0;
        PORTC ^= _BV(PC0);
        report(measure(1));
    }
}
