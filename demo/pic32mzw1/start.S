/* First instruction of the program, at the address that stands in the boot-control sector. */
    .set noreorder
    .section .start, "ax", @progbits
    .globl start
    .ent start
start:
    lui   $sp, %hi(stack_top)
    addiu $sp, $sp, %lo(stack_top)
    lui   $t0, %hi(bss_start)
    addiu $t0, $t0, %lo(bss_start)
    lui   $t1, %hi(bss_end)
    addiu $t1, $t1, %lo(bss_end)
1:  sltu  $t2, $t0, $t1
    beqz  $t2, 2f
    nop
    sw    $zero, 0($t0)
    b     1b
    addiu $t0, $t0, 4
2:  lui   $t9, %hi(run)
    addiu $t9, $t9, %lo(run)
    jr    $t9
    nop
    .end start
